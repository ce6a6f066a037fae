// Package audiofile reads and writes audio files as float32 samples, full scale being -1 to 1.
//
// [Open] and [NewReader] tell WAV, FLAC, MP3 and NIST SPHERE apart by their content, never by the name. They read forward
// only, so pipes work everywhere; the name "-" stands for standard input and, in [Create], standard output.
//
//	r, err := audiofile.Open("noisy.flac")             // block by block
//	x, rate, err := audiofile.ReadMono("noisy.wav")    // or all at once, channels averaged
//	err = audiofile.WriteMono("clean.wav", x, rate, audiofile.PCM16)
//
// # What is read
//
//   - WAV (RIFF and RF64): 8, 16, 24 and 32-bit integers, 32 and 64-bit floats, A-law and mu-law, plain or
//     WAVE_FORMAT_EXTENSIBLE, any channel count. A data length of 0 or of 2 GiB and more, as programs write that cannot
//     seek back in a pipe, means "to the end of the stream".
//   - FLAC: 4 to 32 bits, 1 to 8 channels, checksums verified.
//   - MP3: MPEG-1 and MPEG-2 layer III. Encoder delay and padding are removed where the file states them. MPEG-2.5 (8 to
//     12 kHz) and some bit rates at 22.05 kHz, which the decoder cannot read, get an error.
//   - NIST SPHERE: 8 to 32-bit PCM in both byte orders, mu-law and A-law; not shorten-compressed files.
//
// # Hostile files
//
// A file is untrusted input. Errors are one line and begin with the file's name; a truncated file yields the samples it
// has and then an error instead of [io.EOF]. No length read from a file sizes an allocation, and a panic in a third-party
// decoder becomes an error.
//
// # What is written
//
// WAV, through a temporary file beside the target that takes its name only when [Writer.Close] succeeds.
package audiofile
