package corpus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// writeWAV writes a second of signal at a rate and makes the folders it needs.
func writeWAV(t *testing.T, rate int, elements ...string) {
	t.Helper()
	path := makeFolder(t, elements...)
	if err := audiofile.WriteMono(path, testsig.SpeechLike(rate, rate, 1), rate, audiofile.PCM16); err != nil {
		t.Fatal(err)
	}
}

// writeSphere writes a second of signal at 16 kHz as TIMIT ships it: a header of 1024 bytes of text, then 16-bit samples.
func writeSphere(t *testing.T, elements ...string) {
	t.Helper()
	x := quantise(testsig.SpeechLike(SampleRate, SampleRate, 1))
	header := fmt.Sprintf("NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i %d\nsample_rate -i %d\nsample_n_bytes -i 2\n"+
		"sample_byte_format -s2 01\nsample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n", len(x), SampleRate)
	b := append([]byte(header), make([]byte, 1024-len(header))...)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	if err := os.WriteFile(makeFolder(t, elements...), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func makeFolder(t *testing.T, elements ...string) string {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFolderNamesSpeakersAndClasses(t *testing.T) {
	root := t.TempDir()
	writeWAV(t, 16000, root, "lib__1034__1034-121119-0000.wav")
	writeWAV(t, 48000, root, "deep", "er", "pico__unk__42.wav")
	writeWAV(t, 8000, root, "1089", "134686", "1089-134686-0000.wav")
	writeWAV(t, 16000, root, "rain__heavy.wav")
	writeWAV(t, 16000, root, "alone.wav")
	calls := 0
	set, err := LoadFolder(t.Context(), []string{root}, func(done, total int) {
		if calls++; done != calls || total != 5 {
			t.Errorf("report(%d, %d), want (%d, 5)", done, total, calls)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1089-134686-0000 1089 1089 1089",
		"alone alone alone alone",
		"lib__1034__1034-121119-0000 lib__1034 1034 lib",
		"pico__unk__42 pico__unk__42 unk pico",
		"rain__heavy rain__heavy heavy rain",
	}
	var got []string
	for i := range set.Clips {
		c := &set.Clips[i]
		got = append(got, strings.Join([]string{c.Name, c.Speaker, c.Class, c.Corpus()}, " "))
		if len(c.Samples) != SampleRate {
			t.Errorf("%s has %d samples, want %d", c.Name, len(c.Samples), SampleRate)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("name, speaker, class and corpus are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	testsig.NearAt(t, "seconds", set.Seconds(), 5, 1e-9)
}

func TestLoadFolderErrors(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "bad.wav"), []byte("no audio"), 0o600); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	good := t.TempDir()
	writeWAV(t, 16000, good, "a.wav")
	for _, c := range []struct {
		ctx   context.Context
		roots []string
		want  string
	}{
		{t.Context(), nil, "no folder named"},
		{t.Context(), []string{empty}, "no audio files"},
		{t.Context(), []string{filepath.Join(empty, "absent")}, "absent"},
		{t.Context(), []string{broken}, "bad.wav"},
		{canceled, []string{good}, "canceled"},
	} {
		_, err := LoadFolder(c.ctx, c.roots, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("roots %v: error %v, want one line with %q", c.roots, err, c.want)
		}
	}
}

func TestTIMITLayout(t *testing.T) {
	root := t.TempDir()
	writeSphere(t, root, "TIMIT", "TRAIN", "DR1", "FCJF0", "SA1.WAV")
	writeSphere(t, root, "TIMIT", "TRAIN", "DR1", "FCJF0", "SX37.WAV")
	writeSphere(t, root, "timit", "train", "dr2", "marc0", "sx18.wav")
	writeSphere(t, root, "TIMIT", "TEST", "DR1", "FAKS0", "SA1.WAV")
	writeSphere(t, root, "TIMIT", "TEST", "DR1", "FAKS0", "SA1.WAV.wav") // Repackaged copies carry both.
	train, err := TIMIT(t.Context(), root, TIMITTrain)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := train.Speakers(), []string{"DR1__FCJF0", "DR2__MARC0"}; !slices.Equal(got, want) {
		t.Errorf("speakers %v, want %v", got, want)
	}
	if len(train.Clips) != 3 || train.Clips[0].Name != "DR1__FCJF0__SA1" || len(train.Clips[0].Samples) != SampleRate {
		t.Errorf("%d clips, the first %s of %d samples, want 3, DR1__FCJF0__SA1 and %d",
			len(train.Clips), train.Clips[0].Name, len(train.Clips[0].Samples), SampleRate)
	}
	test, err := TIMIT(t.Context(), filepath.Join(root, "TIMIT", "TEST"), TIMITTest)
	if err != nil {
		t.Fatal(err)
	}
	if len(test.Clips) != 1 {
		t.Errorf("%d clips in TEST, want 1", len(test.Clips))
	}
	if _, err := TIMIT(t.Context(), t.TempDir(), TIMITTrain); !errors.Is(err, ErrNoAudio) {
		t.Errorf("error %v, want %v", err, ErrNoAudio)
	}
}

func TestNOISEXLayout(t *testing.T) {
	root := t.TempDir()
	writeWAV(t, 19980, root, "factory1.wav")
	writeWAV(t, 19980, root, "Babble.WAV")
	set, err := NOISEX(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Clips) != 2 || set.Clips[0].Class != "babble" || set.Clips[1].Class != "factory1" {
		t.Fatalf("clips %+v, want babble and factory1", set.Clips)
	}
	testsig.NearAt(t, "samples after resampling", float64(len(set.Clips[0].Samples)), SampleRate, 1)
	first, second := Halves(set, 0.25)
	testsig.NearAt(t, "seconds of the first quarter", first.Seconds(), 0.5, 0.001)
	testsig.NearAt(t, "seconds of the rest", second.Seconds(), 1.5, 0.001)
}

func TestSplitBySpeakerKeepsSpeakersApart(t *testing.T) {
	s := speechSet(20)
	rest, held := SplitBySpeaker(s, 0.2, 1)
	if a, b := len(rest.Speakers()), len(held.Speakers()); a != 16 || b != 4 {
		t.Errorf("%d and %d speakers, want 16 and 4", a, b)
	}
	for _, name := range held.Speakers() {
		if slices.Contains(rest.Speakers(), name) {
			t.Errorf("speaker %s is on both sides", name)
		}
	}
	reversed := &Set{Clips: slices.Clone(s.Clips)}
	slices.Reverse(reversed.Clips)
	if _, again := SplitBySpeaker(reversed, 0.2, 1); !slices.Equal(again.Speakers(), held.Speakers()) {
		t.Error("the split depends on the order of the clips")
	}
	if _, other := SplitBySpeaker(s, 0.2, 2); slices.Equal(other.Speakers(), held.Speakers()) {
		t.Error("seeds 1 and 2 give the same split")
	}
	if rest, held := SplitBySpeaker(speechSet(2), 0.01, 1); len(rest.Clips) != 3 || len(held.Clips) != 3 {
		t.Errorf("two speakers are split into %d and %d clips, want 3 and 3", len(rest.Clips), len(held.Clips))
	}
}

func TestSplitByClipKeepsSourcesTogetherAndClassesShared(t *testing.T) {
	s := &Set{}
	for _, class := range []string{"dog", "rain", "saw", "sea"} {
		for k := range 10 {
			for _, cut := range []string{"A", "B"} {
				name := fmt.Sprintf("esc10__%s__%d-%s%d-%s", class, k%5, class, k, cut)
				s.Clips = append(s.Clips, Clip{Name: name, Class: class})
			}
		}
	}
	rest, held := SplitByClip(s, 0.2, 3)
	count := map[string]int{}
	sources := map[string]bool{}
	for i := range held.Clips {
		count[held.Clips[i].Class]++
		sources[held.Clips[i].Source()] = true
	}
	for class, n := range count {
		if n != 4 {
			t.Errorf("%d clips of %s are held, want 4", n, class)
		}
	}
	for i := range rest.Clips {
		if sources[rest.Clips[i].Source()] {
			t.Errorf("%s shares its source with a held clip", rest.Clips[i].Name)
		}
	}
	if len(held.Clips)+len(rest.Clips) != len(s.Clips) || len(count) != 4 {
		t.Errorf("%d + %d clips of %d classes, want 80 of 4", len(held.Clips), len(rest.Clips), len(count))
	}
}

func TestScreenRejectsWhatTeachesWrongThings(t *testing.T) {
	good := testsig.SpeechLike(3*SampleRate, SampleRate, 4)
	clear(good[SampleRate : 3*SampleRate/2])
	noisy, dull, clipped := slices.Clone(good), slices.Clone(good), slices.Clone(good)
	for i := range clipped {
		clipped[i] = min(max(30*clipped[i], -1), 1)
	}
	filter4(dull, butterworth8(lowPass, 3400))
	filter4(dull, butterworth8(lowPass, 3400))
	// A microphone in a very quiet room, which is noise all the same, and one in a loud room.
	quiet, loud := testsig.WhiteNoise(len(good), 1e-4, 9), testsig.WhiteNoise(len(good), 0.01, 5)
	for i, v := range quiet {
		good[i] += v
		clipped[i] += v
		noisy[i] += loud[i]
	}
	filter4(quiet, butterworth8(lowPass, 3400))
	for i, v := range quiet {
		dull[i] += v
	}
	// A stand that shakes says nothing about the noise of a room.
	shaken := testsig.WhiteNoise(len(good), 0.5, 6)
	filter4(shaken, butterworth8(lowPass, 30))
	for i, v := range good {
		shaken[i] += v
	}
	s := &Set{}
	for name, x := range map[string][]float32{"good": good, "shaken": shaken, "noisy": noisy, "dull": dull, "clipped": clipped, "short": good[:1000]} {
		s.Clips = append(s.Clips, Clip{Name: "test__" + name, Samples: quantise(x)})
	}
	s.sort()
	kept, report := Screen(s, DefaultThresholds())
	if len(kept.Clips) != 2 || kept.Clips[0].Name != "test__good" || kept.Clips[1].Name != "test__shaken" {
		t.Errorf("kept %d clips, want test__good and test__shaken alone:\n%v", len(kept.Clips), report.Quality)
	}
	total := report.Corpora[len(report.Corpora)-1]
	for _, why := range []string{rejectNoisy, rejectDull, rejectClipped, rejectShort} {
		if total.Rejected[why] != 1 {
			t.Errorf("%d clips rejected as %s, want 1:\n%s", total.Rejected[why], why, report)
		}
	}
	if text := report.String(); strings.Count(text, "\n") != 3 || !strings.Contains(text, "total") {
		t.Errorf("report is\n%s\nwant a header, one corpus and a total", text)
	}
	if q := Measure(&Clip{}); q.Range != 0 || !math.IsInf(q.HighBand, -1) {
		t.Errorf("quality of an empty clip is %+v, want range 0 and high band -Inf", q)
	}
}

func TestManifest(t *testing.T) {
	root := filepath.Join(t.TempDir(), "train")
	content := map[string]string{"b.wav": "abc", "a.wav": ""}
	s := &Set{}
	for _, name := range []string{"b.wav", "a.wav"} {
		path := makeFolder(t, root, name)
		if err := os.WriteFile(path, []byte(content[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Clips = append(s.Clips, Clip{Path: path, Root: root})
	}
	m, err := NewManifest(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	// The checksums of nothing and of "abc" are the examples of FIPS 180-4.
	want := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  train/a.wav\n" +
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  train/b.wav\n"
	if b.String() != want {
		t.Errorf("manifest is\n%swant\n%s", b.String(), want)
	}
	before := m.Hash()
	m.Files[0].SHA256 = strings.Repeat("0", 64)
	if len(before) != 64 || m.Hash() == before {
		t.Errorf("hash %q does not change with the manifest", before)
	}
	if _, err := NewManifest(t.Context(), &Set{Clips: []Clip{{Path: "absent.wav"}}}); err == nil || !strings.Contains(err.Error(), "absent.wav") {
		t.Errorf("error %v, want one that names absent.wav", err)
	}
}

func TestJoinSortsByName(t *testing.T) {
	a, b := &Set{Clips: []Clip{{Name: "b"}, {Name: "d"}}}, &Set{Clips: []Clip{{Name: "c"}, {Name: "a"}}}
	var got string
	for _, c := range Join(a, b).Clips {
		got += c.Name
	}
	if got != "abcd" {
		t.Errorf("order %q, want abcd", got)
	}
}
