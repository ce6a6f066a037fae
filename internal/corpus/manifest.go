package corpus

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Manifest says which files a set came from.
type Manifest struct {
	Files []ManifestFile
}

// ManifestFile is one file of a manifest.
type ManifestFile struct {
	// Path is relative to the folder above the loaded root, with slashes: train/name.flac.
	Path string
	// Size is the length of the file in bytes.
	Size int64
	// SHA256 is the checksum of the file's content in hexadecimal.
	SHA256 string
}

// NewManifest checks in the files of a set, on all cores, sorted by path.
func NewManifest(ctx context.Context, s *Set) (*Manifest, error) {
	m := &Manifest{Files: make([]ManifestFile, len(s.Clips))}
	err := parallel(ctx, len(s.Clips), func(i int) error {
		c := &s.Clips[i]
		sum, size, err := checksum(c.Path)
		if err != nil {
			return fmt.Errorf("corpus: manifest: %w", err)
		}
		m.Files[i] = ManifestFile{Path: c.relative(), Size: size, SHA256: sum}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(m.Files, func(a, b ManifestFile) int { return strings.Compare(a.Path, b.Path) })
	return m, nil
}

// relative is the clip's path from the folder above its root.
func (c *Clip) relative() string {
	rel, err := filepath.Rel(c.Root, c.Path)
	if err != nil {
		return filepath.ToSlash(c.Path)
	}
	return filepath.ToSlash(filepath.Join(filepath.Base(c.Root), rel))
}

func checksum(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// WriteTo writes one line per file in the form that sha256sum -c reads.
func (m *Manifest) WriteTo(w io.Writer) (int64, error) {
	b := bufio.NewWriter(w)
	var total int64
	for _, f := range m.Files {
		n, err := fmt.Fprintf(b, "%s  %s\n", f.SHA256, f.Path)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, b.Flush()
}

// Hash is the SHA-256 of what WriteTo writes: it stands for the whole set.
func (m *Manifest) Hash() string {
	h := sha256.New()
	if _, err := m.WriteTo(h); err != nil {
		panic("corpus: hashing failed: " + err.Error()) // A hash never fails to be written to.
	}
	return hex.EncodeToString(h.Sum(nil))
}
