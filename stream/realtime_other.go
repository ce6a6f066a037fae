//go:build !linux

package stream

// requestRealtime says that this system gets no request: the devices' own threads have their priority from PortAudio.
func requestRealtime() string { return "ordinary; this system is not asked for real-time" }
