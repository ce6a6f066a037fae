package audiofile

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// extensions of the files that Files finds, in lower case. TIMIT names its SPHERE files .WAV.
var extensions = []string{".wav", ".flac", ".mp3", ".sph"}

// IsAudio reports whether path has the extension of an audio file: .wav, .flac, .mp3 or .sph in any case.
func IsAudio(path string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(path)))
}

// Files returns the audio files below the folder root at any depth, sorted. Hidden files and folders (a leading dot) are
// left out: copies between systems litter folders with ._name.wav files that hold no audio. Links to files are followed,
// links to folders only when root is one.
func Files(root string) ([]string, error) {
	var files []string
	start := root + string(filepath.Separator) // The separator makes WalkDir follow a link.
	err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return plain(filepath.Clean(path), err)
		case path != start && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			return nil
		case IsAudio(path):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list audio files: %w", err)
	}
	slices.Sort(files)
	return files, nil
}
