//go:build cgo && !noaudio && !linux

package device

// silence does nothing: only ALSA and JACK talk to standard error.
func silence() (restore func()) { return func() {} }
