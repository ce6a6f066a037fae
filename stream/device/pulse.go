package device

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// pulseAPI is the name under which List shows the sound server's devices; PipeWire speaks the same protocol.
const pulseAPI = "PulseAudio"

// pulseTimeout bounds every request: a healthy server answers within a millisecond.
const pulseTimeout = 2 * time.Second

// errServerGone is the reason of a loss when the sound server ends or is restarted.
var errServerGone = errors.New("the sound server has closed the connection")

// pulseConn is a connection to a PulseAudio server that notices its end, however it comes.
type pulseConn struct {
	*proto.Client
	conn io.ReadWriteCloser
	once sync.Once
	gone chan struct{} // closed when the connection has ended and no message follows.
}

// dialPulse connects to the user's sound server. onMessage gets every message that is no reply, from one goroutine.
func dialPulse(onMessage func(message any)) (*pulseConn, error) {
	network, address, err := pulseAddress()
	if err != nil {
		return nil, err
	}
	conn, err := dialServer(network, address)
	if err != nil {
		return nil, fmt.Errorf("no sound server answers at %s: %w", address, err)
	}
	c := &pulseConn{Client: &proto.Client{}, conn: conn, gone: make(chan struct{})}
	c.SetTimeout(pulseTimeout)
	c.Callback = func(message any) {
		if _, closed := message.(*proto.ConnectionClosed); !closed {
			onMessage(message)
		}
	}
	c.Open(endWatch{c})
	if err := c.greet(); err != nil {
		c.shut()
		return nil, fmt.Errorf("the sound server at %s refuses: %w", address, err)
	}
	return c, nil
}

// greet authenticates and names the program.
func (c *pulseConn) greet() error {
	cookie, err := os.ReadFile(pulseCookie())
	if err != nil {
		// The server knows its own user by the socket; a cookie counts only across machines.
		cookie = make([]byte, 256)
	}
	var auth proto.AuthReply
	if err := c.Request(&proto.Auth{Version: c.Version(), Cookie: cookie}, &auth); err != nil {
		return err
	}
	c.SetVersion(auth.Version)
	name := proto.PropListString("sotto")
	return c.Request(&proto.SetClientName{Props: proto.PropList{
		"application.name": name, "application.id": name, "application.icon_name": proto.PropListString("audio-input-microphone"),
		"application.process.id": proto.PropListString(fmt.Sprint(os.Getpid())),
	}}, &proto.SetClientNameReply{})
}

// shut ends the connection and waits for the last message.
func (c *pulseConn) shut() {
	_ = c.conn.Close()
	<-c.gone
}

// endWatch is the connection as the protocol's reader sees it: any failure to read is the end.
type endWatch struct{ c *pulseConn }

func (w endWatch) Read(b []byte) (int, error) {
	n, err := w.c.conn.Read(b)
	if err != nil {
		w.c.once.Do(func() { close(w.c.gone) })
		_ = w.c.conn.Close()
		err = io.EOF // what the library takes for the end; it ignores other failures.
	}
	return n, err
}

func (w endWatch) Write(b []byte) (int, error) { return w.c.conn.Write(b) }

// pulseAddress returns where the server listens: the first usable address of PULSE_SERVER, or the socket in the user's
// runtime folder. The syntax of the variable is "unix:PATH", "PATH", "tcp:HOST:PORT", with an optional "{MACHINE}" before it.
func pulseAddress() (network, address string, err error) {
	for s := range strings.FieldsSeq(os.Getenv("PULSE_SERVER")) {
		if strings.HasPrefix(s, "{") {
			_, s, _ = strings.Cut(s, "}")
		}
		kind, rest, _ := strings.Cut(s, ":")
		switch {
		case strings.HasPrefix(s, "/"):
			return "unix", s, nil
		case kind == "unix":
			return "unix", rest, nil
		case kind == "tcp" || kind == "tcp4" || kind == "tcp6":
			if _, _, err := net.SplitHostPort(rest); err != nil {
				rest = net.JoinHostPort(rest, "4713") // the protocol's registered port.
			}
			return kind, rest, nil
		}
	}
	folder := os.Getenv("XDG_RUNTIME_DIR")
	if folder == "" {
		folder = fmt.Sprintf("/run/user/%d", os.Getuid())
	}
	path := filepath.Join(folder, "pulse", "native")
	if _, err := os.Stat(path); err != nil {
		return "", "", fmt.Errorf("no PulseAudio or PipeWire server runs: there is no %s", path)
	}
	return "unix", path, nil
}

// pulseCookie returns the path of the authentication cookie.
func pulseCookie() string {
	if path := os.Getenv("PULSE_COOKIE"); path != "" {
		return path
	}
	config := os.Getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(os.Getenv("HOME"), ".config")
	}
	return filepath.Join(config, "pulse", "cookie")
}

// listPulse returns the server's sources, then its sinks.
func listPulse() ([]Device, error) {
	c, err := dialPulse(func(any) {})
	if err != nil {
		return nil, err
	}
	defer c.shut()
	var server proto.GetServerInfoReply
	var sources proto.GetSourceInfoListReply
	var sinks proto.GetSinkInfoListReply
	err = errors.Join(c.Request(&proto.GetServerInfo{}, &server), c.Request(&proto.GetSourceInfoList{}, &sources),
		c.Request(&proto.GetSinkInfoList{}, &sinks))
	if err != nil {
		return nil, fmt.Errorf("the sound server lists no devices: %w", err)
	}
	var list []Device
	for _, s := range sources {
		list = append(list, Device{
			API: pulseAPI, Name: s.SourceName, Description: description(s.Properties), Inputs: int(s.Channels),
			Rate: int(s.Rate), DefaultInput: s.SourceName == server.DefaultSourceName, id: -1,
		})
	}
	for _, s := range sinks {
		list = append(list, Device{
			API: pulseAPI, Name: s.SinkName, Description: description(s.Properties), Outputs: int(s.Channels),
			Rate: int(s.Rate), DefaultOutput: s.SinkName == server.DefaultSinkName, id: -1,
		})
	}
	return list, nil
}

func description(p proto.PropList) string {
	d, ok := p["device.description"]
	if !ok || len(d) == 0 {
		return ""
	}
	return strings.TrimRight(string(d), "\x00")
}
