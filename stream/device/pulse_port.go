package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jfreymuth/pulse/proto"

	"sotto/stream"
)

const (
	// bytesPerSample of the little-endian float32 that all streams carry.
	bytesPerSample = 4
	// maxChannels is what a stream asks for at most; a device with more is mixed down by the server.
	maxChannels = 8
	// playbackBlocks is how many blocks the server keeps ahead: one that it plays, one that waits, one on its way, one spare.
	playbackBlocks = 4
	// pollFirst and pollLater are how often the server is asked for the latency: soon, then less so.
	pollFirst = 50 * time.Millisecond
	pollLater = 400 * time.Millisecond
	// askLimit is how long an answer may take and still say something about when it was given.
	askLimit = 4 * time.Millisecond
	// originJump tells a stream that was interrupted from figures that jitter.
	originJump = 3 * time.Millisecond
)

var errRemoved = errors.New("the sound server has removed the device")

// pulsePort is a stream to or from the sound server.
//
// The server's latency is asked for now and then, not per buffer: one answer fixes the instant at which byte 0 of the stream
// meets the converter, and every buffer's latency follows from its position.
type pulsePort struct {
	conn    *pulseConn
	dir     Direction
	format  stream.Format
	index   uint32       // of the stream.
	missing int          // bytes that the server wants at the start.
	origin  atomic.Int64 // when byte 0 meets the converter, ns since epoch; 0 while unknown.
	// The rest belongs to the goroutine that receives. The mutex orders it after Start; later nobody else takes it.
	mutex    sync.Mutex
	callback stream.Callback
	buf      []float32
	raw      []byte
	bytes    int64 // passed so far.
	xrun     bool  // since the last callback.
	raised   bool  // the receiving thread has asked for its priority.

	epoch     time.Time
	closeOnce sync.Once
	lostOnce  sync.Once
	done      chan struct{}
	err       error
	atClose   func(*pulseConn) // what else to undo, with the connection still open.
}

// openPulse opens a stream on a named source or sink.
func openPulse(name string, dir Direction, wish int, o Options) (stream.Port, error) {
	p := &pulsePort{dir: dir, done: make(chan struct{}), epoch: time.Now()} //nolint:forbidigo // latency is about time.
	conn, err := dialPulse(p.receive)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	if dir == In {
		err = p.createRecord(name, o)
	} else {
		err = p.createPlayback(name, wish, o)
	}
	if err != nil {
		conn.shut()
		return nil, fmt.Errorf("%s does not open as %s: %w", name, dir, err)
	}
	return p, nil
}

// createRecord opens the stream at the source's own rate and channels.
func (p *pulsePort) createRecord(name string, o Options) error {
	var info proto.GetSourceInfoReply
	err := p.conn.Request(&proto.GetSourceInfo{SourceIndex: proto.Undefined, SourceName: name}, &info)
	if err != nil {
		return err
	}
	p.adopt(info.SampleSpec, name, o)
	var reply proto.CreateRecordStreamReply
	err = p.conn.Request(&proto.CreateRecordStream{
		SampleSpec: p.spec(), ChannelMap: channelMap(info.ChannelMap, p.format.Channels), SourceIndex: proto.Undefined,
		SourceName: name, BufferMaxLength: proto.Undefined, Corked: true, BufferFragSize: uint32(p.blockBytes()),
		AdjustLatency: true, DirectOnInputIndex: proto.Undefined,
		Properties: streamProperties("microphone"), ChannelVolumes: fullVolume(p.format.Channels),
	}, &reply)
	p.index = reply.StreamIndex
	return err
}

// createPlayback opens the stream at the wished rate, which the server converts if it must, or the sink's own.
func (p *pulsePort) createPlayback(name string, wish int, o Options) error {
	var info proto.GetSinkInfoReply
	err := p.conn.Request(&proto.GetSinkInfo{SinkIndex: proto.Undefined, SinkName: name}, &info)
	if err != nil {
		return err
	}
	// The engine's own converter takes any rate, and then only one converter is in the way.
	spec := info.SampleSpec
	if spec.Rate == 0 {
		spec.Rate = uint32(wish)
	}
	spec.Channels = 1 // the voice is mono; the server spreads it.
	p.adopt(spec, name, o)
	var reply proto.CreatePlaybackStreamReply
	err = p.conn.Request(&proto.CreatePlaybackStream{
		SampleSpec: p.spec(), ChannelMap: proto.ChannelMap{proto.ChannelMono}, SinkIndex: proto.Undefined, SinkName: name,
		BufferMaxLength: proto.Undefined, Corked: true, BufferTargetLength: uint32(playbackBlocks * p.blockBytes()),
		BufferPrebufferLength: proto.Undefined, BufferMinimumRequest: uint32(p.blockBytes()), AdjustLatency: true,
		Properties: streamProperties("clean voice"), ChannelVolumes: fullVolume(1),
	}, &reply)
	p.index, p.missing = reply.StreamIndex, int(reply.Missing)
	return err
}

// adopt fixes the format that the stream will have.
func (p *pulsePort) adopt(spec proto.SampleSpec, name string, o Options) {
	p.format = stream.Format{Name: name, Rate: int(spec.Rate), Channels: min(int(spec.Channels), maxChannels)}
	p.format.Block = max(int(o.block().Seconds()*float64(spec.Rate)), 1)
	p.reserve(playbackBlocks * p.blockBytes())
}

func (p *pulsePort) frameBytes() int { return bytesPerSample * p.format.Channels }
func (p *pulsePort) blockBytes() int { return p.format.Block * p.frameBytes() }

func (p *pulsePort) spec() proto.SampleSpec {
	return proto.SampleSpec{
		Format: proto.FormatFloat32LE, Channels: byte(p.format.Channels), Rate: uint32(p.format.Rate),
	}
}

// channelMap returns the device's own map, or as many unnamed channels as are asked for.
func channelMap(own proto.ChannelMap, channels int) proto.ChannelMap {
	if len(own) == channels {
		return own
	}
	m := make(proto.ChannelMap, channels)
	for i := range m {
		m[i] = proto.ChannelAux0 + byte(i)
	}
	return m
}

func fullVolume(channels int) proto.ChannelVolumes {
	v := make(proto.ChannelVolumes, channels)
	for i := range v {
		v[i] = uint32(proto.VolumeNorm)
	}
	return v
}

func streamProperties(name string) proto.PropList {
	return proto.PropList{
		"media.name": proto.PropListString(name), "media.role": proto.PropListString("phone"),
	}
}

func (p *pulsePort) Format() stream.Format { return p.format }

// Start lets the stream run: filled first when it plays, so that it starts without a gap.
func (p *pulsePort) Start(cb stream.Callback) error {
	p.mutex.Lock()
	p.callback = cb
	var start proto.RequestArgs = &proto.CorkRecordStream{StreamIndex: p.index}
	if p.dir == Out {
		start = &proto.CorkPlaybackStream{StreamIndex: p.index}
		p.supply(p.missing)
	}
	p.mutex.Unlock()
	if err := p.conn.Request(start, nil); err != nil {
		return fmt.Errorf("%s does not start: %w", p.format.Name, err)
	}
	go p.attend()
	return nil
}

// attend asks for the latency until the connection ends, and reports that end.
func (p *pulsePort) attend() {
	for wait := pollFirst; ; wait = min(2*wait, pollLater) {
		select {
		case <-p.conn.gone:
			p.lose(errServerGone)
			return
		case <-time.After(wait):
			p.askLatency()
		}
	}
}

func (p *pulsePort) now() time.Duration { return time.Since(p.epoch) }

// askLatency fixes origin: the instant of the answer is known to half the time that it took.
func (p *pulsePort) askLatency() {
	asked := p.now()
	fromNow, position, ok := p.requestLatency()
	took := p.now() - asked
	if !ok || took > askLimit {
		return
	}
	origin := asked + took/2 + fromNow - p.duration(position)
	if old := time.Duration(p.origin.Load()); old != 0 && (origin-old).Abs() < originJump {
		origin = old + (origin-old)/4 // the server's own figures jitter by a few hundred us.
	}
	p.origin.Store(int64(origin))
}

// requestLatency asks when a position of the stream, in bytes, meets the converter, counted from now.
func (p *pulsePort) requestLatency() (fromNow time.Duration, position int64, ok bool) {
	if p.dir == In {
		var r proto.GetRecordLatencyReply
		err := p.conn.Request(&proto.GetRecordLatency{StreamIndex: p.index}, &r)
		// What the server wrote last is Latency old; a monitor's is yet to be played, by MonitorLatency.
		return signed(r.MonitorLatency) - signed(r.Latency), r.WriteIndex, err == nil
	}
	var r proto.GetPlaybackLatencyReply
	err := p.conn.Request(&proto.GetPlaybackLatency{StreamIndex: p.index}, &r)
	return signed(r.Latency), r.ReadIndex, err == nil && r.Running
}

// signed reads the server's unsigned microseconds, which wrap when a latency is slightly negative.
func signed(us proto.Microseconds) time.Duration { return time.Duration(int64(us)) * time.Microsecond }

// duration returns how long so many bytes of the stream last.
func (p *pulsePort) duration(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / float64(p.frameBytes()) / float64(p.format.Rate) * float64(time.Second))
}

// timing returns what is known of the buffer that begins at the present position, and moves on by its length.
func (p *pulsePort) timing(bytes int) stream.Timing {
	t := stream.Timing{Xrun: p.xrun}
	p.xrun = false
	if origin := time.Duration(p.origin.Load()); origin != 0 {
		t.Latency = origin + p.duration(p.bytes) - p.now()
		if p.dir == In {
			t.Latency = -t.Latency
		}
		if t.Latency > 2*time.Second || t.Latency < -2*time.Second {
			t.Latency = 0
		}
	}
	p.bytes += int64(bytes)
	return t
}

// receive handles what the server says of its own accord. It runs on the connection's reading goroutine.
func (p *pulsePort) receive(message any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.callback == nil {
		return
	}
	if !p.raised {
		// Never unlocked: the thread ends with the connection's reader.
		runtime.LockOSThread()
		stream.RequestRealtime()
		p.raised = true
	}
	switch m := message.(type) {
	case *proto.DataPacket:
		if p.dir == In && m.StreamIndex == p.index {
			p.deliver(m.Data)
		}
	case *proto.Request:
		if p.dir == Out && m.StreamIndex == p.index {
			p.supply(int(m.Length))
		}
	case *proto.Underflow, *proto.Overflow:
		p.xrun = true
		p.origin.Store(0) // the stream stood still; ask again.
	case *proto.PlaybackStreamKilled, *proto.RecordStreamKilled:
		p.lose(errRemoved)
	}
}

// deliver hands captured bytes to the engine.
func (p *pulsePort) deliver(data []byte) {
	p.reserve(len(data))
	n := len(data) / bytesPerSample
	for i := range p.buf[:n] {
		p.buf[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[bytesPerSample*i:]))
	}
	p.callback(p.buf[:n], p.timing(len(data)))
}

// supply fetches so many bytes from the engine and sends them.
func (p *pulsePort) supply(bytes int) {
	bytes -= bytes % p.frameBytes()
	if bytes <= 0 {
		return
	}
	p.reserve(bytes)
	n := bytes / bytesPerSample
	p.callback(p.buf[:n], p.timing(bytes))
	for i, v := range p.buf[:n] {
		binary.LittleEndian.PutUint32(p.raw[bytesPerSample*i:], math.Float32bits(v))
	}
	if p.conn.Send(p.index, p.raw[:bytes]) != nil {
		p.lose(errServerGone)
	}
}

// reserve makes the buffers hold so many bytes.
func (p *pulsePort) reserve(bytes int) {
	if len(p.raw) < bytes {
		p.raw, p.buf = make([]byte, bytes), make([]float32, bytes/bytesPerSample)
	}
}

func (p *pulsePort) Done() <-chan struct{} { return p.done }

func (p *pulsePort) Err() error {
	<-p.done
	return p.err
}

func (p *pulsePort) lose(err error) {
	p.lostOnce.Do(func() {
		p.err = err
		close(p.done)
	})
}

// Close ends the connection, with which the server removes the stream.
func (p *pulsePort) Close() error {
	p.closeOnce.Do(func() {
		if p.atClose != nil {
			p.atClose(p.conn)
		}
		p.conn.shut()
	})
	return nil
}
