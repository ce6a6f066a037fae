//go:build cgo && !noaudio && !linux

package device

// quietALSA does nothing where there is no ALSA.
func quietALSA() {}
