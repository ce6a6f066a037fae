//go:build cgo && !noaudio

package device

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>

static void say_nothing(const char *file, int line, const char *function, int err, const char *fmt, ...) {}

typedef void (*alsa_handler)(const char *, int, const char *, int, const char *, ...);

// quiet_alsa takes ALSA's reports off standard error where PortAudio has brought ALSA into the process.
static void quiet_alsa(void) {
	int (*set)(alsa_handler) = (int (*)(alsa_handler))dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler");
	if (set) set(say_nothing);
}
*/
import "C"

// quietALSA keeps ALSA from writing to standard error out of PortAudio's threads, at any time, when a stream runs dry. The
// engine counts that.
func quietALSA() { C.quiet_alsa() }
