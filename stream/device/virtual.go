package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jfreymuth/pulse/proto"

	"sotto/stream"
)

// VirtualName is the name under which other programs find the virtual microphone.
const VirtualName = "sotto"

const (
	// virtualSink is the sink that carries the sound to the virtual microphone.
	virtualSink = "sotto_output"
	// ownerProperty marks both modules with the process that loaded them, so that what a crash left behind can be told from
	// what a running program uses.
	ownerProperty = "sotto.pid="
	// virtualRate is the rate of calls and of nearly all hardware.
	virtualRate = 48000
)

// VirtualMicrophone returns an opener of an output that other programs can choose as their microphone, under the name
// [VirtualName]. It needs a PulseAudio or PipeWire server: a null sink takes the sound, and a source remapped from its monitor
// offers it. Both exist while the port is open. What a crashed run left behind is removed first.
func VirtualMicrophone(o Options) stream.Opener {
	return func(_ context.Context, rate int) (stream.Port, error) {
		modules, err := loadVirtual()
		if err != nil {
			return nil, fmt.Errorf("virtual microphone: %w%s", err, otherSystems(runtime.GOOS))
		}
		port, err := openPulse(virtualSink, Out, rate, o)
		if err != nil {
			unloadVirtual(modules)
			return nil, fmt.Errorf("virtual microphone: %w", err)
		}
		p := port.(*pulsePort)
		p.format.Name = VirtualName
		p.atClose = func(c *pulseConn) { _ = unloadModules(c, modules) } // with the server gone there is nothing to unload.
		return p, nil
	}
}

// otherSystems says what does the job where no PulseAudio server is to be had.
func otherSystems(goos string) string {
	switch goos {
	case "darwin":
		return "; on macOS install BlackHole and give it to --output"
	case "windows":
		return "; on Windows install VB-CABLE and give it to --output"
	default:
		return "; start PulseAudio or PipeWire with pipewire-pulse"
	}
}

// loadVirtual removes leftovers and loads the two modules; it returns their indices in the order of loading.
func loadVirtual() ([]uint32, error) {
	c, err := dialPulse(func(any) {})
	if err != nil {
		return nil, err
	}
	defer c.shut()
	if err := removeLeftovers(c, processLives); err != nil {
		return nil, err
	}
	owner := ownerProperty + strconv.Itoa(os.Getpid())
	var modules []uint32
	for _, m := range []proto.LoadModule{
		{Name: "module-null-sink", Args: fmt.Sprintf(
			"sink_name=%s rate=%d channels=1 channel_map=mono sink_properties=\"device.description=%s %s\"",
			virtualSink, virtualRate, virtualSink, owner)},
		{Name: "module-remap-source", Args: fmt.Sprintf(
			"source_name=%s master=%s.monitor channels=1 channel_map=mono source_properties=\"device.description=%s %s\"",
			VirtualName, virtualSink, VirtualName, owner)},
	} {
		var reply proto.LoadModuleReply
		if err := c.Request(&m, &reply); err != nil {
			_ = unloadModules(c, modules)
			return nil, fmt.Errorf("the sound server does not load %s: %w", m.Name, err)
		}
		modules = append(modules, reply.ModuleIndex)
	}
	return modules, nil
}

// removeLeftovers unloads the modules of runs that ended without doing so. It fails when such a run is still alive.
func removeLeftovers(c *pulseConn, alive func(pid int) bool) error {
	var loaded proto.GetModuleInfoListReply
	if err := c.Request(&proto.GetModuleInfoList{}, &loaded); err != nil {
		return fmt.Errorf("the sound server lists no modules: %w", err)
	}
	var stale []uint32
	for _, m := range loaded {
		pid, ours := moduleOwner(m.ModuleArgs)
		if !ours {
			continue
		}
		if pid != os.Getpid() && alive(pid) {
			return fmt.Errorf("process %d has one already: end it first", pid)
		}
		stale = append(stale, m.ModuleIndex)
	}
	return unloadModules(c, stale)
}

// moduleOwner returns the process that a module's arguments name as its owner.
func moduleOwner(args string) (pid int, ours bool) {
	_, rest, ok := strings.Cut(args, ownerProperty)
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	pid, err := strconv.Atoi(rest)
	return pid, err == nil
}

// processLives tells whether a process of this number runs, whoever owns it.
func processLives(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// unloadModules removes modules, the last loaded first: the source hangs on the sink.
func unloadModules(c *pulseConn, modules []uint32) error {
	var errs []error
	for _, module := range slices.Backward(modules) {
		err := c.Request(&proto.UnloadModule{ModuleIndex: module}, nil)
		// The server unloads what hangs on a module along with it.
		if err != nil && !errors.Is(err, proto.ErrNoSuchEntity) {
			errs = append(errs, fmt.Errorf("the sound server keeps module %d: %w", module, err))
		}
	}
	return errors.Join(errs...)
}

// unloadVirtual removes modules over a connection of its own.
func unloadVirtual(modules []uint32) {
	if c, err := dialPulse(func(any) {}); err == nil {
		_ = unloadModules(c, modules)
		c.shut()
	}
}
