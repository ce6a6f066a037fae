//go:build !linux

package stream

// RequestRealtime says that this system gets no request: the devices' own threads have their priority from PortAudio.
func RequestRealtime() string { return "ordinary; this system is not asked for real-time" }
