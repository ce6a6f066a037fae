package corpus

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"sotto/internal/audiofile"
)

// The two halves of TIMIT.
const (
	TIMITTrain = "TRAIN"
	TIMITTest  = "TEST"
)

// TIMIT reads one half (TIMITTrain or TIMITTest) of a TIMIT tree as it is shipped: PART/DRn/SPEAKER/SENTENCE.WAV below root, in
// any mixture of upper and lower case, root being the folder of the two halves or any folder above it. Speaker is "DRn__SPEAKER"
// in upper case and Name "DRn__SPEAKER__SENTENCE". Of SA1.WAV and SA1.WAV.wav, which repackaged copies hold side by side, one is read.
func TIMIT(ctx context.Context, root, part string) (*Set, error) {
	files, err := audiofile.Files(root)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	var clips []Clip
	seen := map[string]bool{}
	for _, path := range files {
		c, ok := describeTIMIT(root, path, part)
		if ok && !seen[c.Name] {
			seen[c.Name] = true
			clips = append(clips, c)
		}
	}
	if len(clips) == 0 {
		return nil, fmt.Errorf("corpus: %w like %s/DR1/FCJF0/SA1.WAV in %s: name the folder that holds TRAIN and TEST of TIMIT",
			ErrNoAudio, part, root)
	}
	return load(ctx, clips, nil)
}

// describeTIMIT reads the last four elements of a path: part, dialect region, speaker and sentence.
func describeTIMIT(root, path, part string) (Clip, bool) {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return Clip{}, false
	}
	elements := strings.Split(strings.ToUpper(filepath.ToSlash(rel)), "/")
	n := len(elements)
	// A root that is itself the part is accepted: its own name then is the missing element.
	if n == 3 {
		elements, n = append([]string{strings.ToUpper(filepath.Base(root))}, elements...), 4
	}
	if n < 4 || elements[n-4] != part || !strings.HasPrefix(elements[n-3], "DR") {
		return Clip{}, false
	}
	region, speaker := elements[n-3], elements[n-2]
	sentence, _, _ := strings.Cut(elements[n-1], ".")
	return Clip{
		Path:    path,
		Root:    root,
		Speaker: region + fieldSeparator + speaker,
		Class:   speaker,
		Name:    strings.Join([]string{region, speaker, sentence}, fieldSeparator),
	}, true
}

// NOISEX reads the recordings of NOISEX-92 below root, one clip per file (babble.wav, factory1.wav, ...), resampled from the
// 19.98 kHz they are shipped at. Class is the file's base name in lower case.
func NOISEX(ctx context.Context, root string) (*Set, error) {
	set, err := LoadFolder(ctx, []string{root}, nil)
	if err != nil {
		return nil, err
	}
	for i := range set.Clips {
		c := &set.Clips[i]
		if !strings.Contains(c.Name, fieldSeparator) {
			c.Class = strings.ToLower(c.Name)
			c.Speaker = c.Class
		}
	}
	return set, nil
}

// Halves cuts every clip in two in time: the first part holds the given fraction of each clip. It is how NOISEX-92, one long
// recording per noise, is kept apart between training and test.
func Halves(s *Set, fraction float64) (first, second *Set) {
	first, second = &Set{}, &Set{}
	for _, c := range s.Clips {
		n := int(fraction * float64(len(c.Samples)))
		a, b := c, c
		a.Samples, b.Samples = c.Samples[:n:n], c.Samples[n:]
		first.Clips, second.Clips = append(first.Clips, a), append(second.Clips, b)
	}
	return first, second
}
