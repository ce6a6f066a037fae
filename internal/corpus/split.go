package corpus

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"
)

// SplitBySpeaker puts about the given fraction of the speakers, with all their clips, into held and the others into rest.
// Every corpus gives its share. The choice depends on the names and the seed only; samples are shared with s.
func SplitBySpeaker(s *Set, fraction float64, seed uint64) (rest, held *Set) {
	return split(s, fraction, seed,
		func(c *Clip) string { return c.Corpus() },
		func(c *Clip) string { return c.Speaker })
}

// SplitByClip puts about the given fraction of the recordings into held and the others into rest; clips cut from one recording
// (see [Clip.Source]) stay together. Every corpus and class gives its share. The choice depends on the names and the seed only;
// samples are shared with s.
func SplitByClip(s *Set, fraction float64, seed uint64) (rest, held *Set) {
	return split(s, fraction, seed,
		func(c *Clip) string { return c.Corpus() + fieldSeparator + c.className() },
		func(c *Clip) string { return c.Corpus() + fieldSeparator + c.Source() })
}

// className is the class without a trailing number: the variants of one class share a stratum.
func (c *Clip) className() string { return strings.TrimRight(c.Class, "0123456789_") }

// split draws every 1/fraction-th group from the groups sorted by stratum, and in random order within a stratum: systematic
// sampling, which is stratified at no further cost. With two groups or more and 0 < fraction < 1 neither side is empty.
func split(s *Set, fraction float64, seed uint64, stratum, group func(*Clip) string) (rest, held *Set) {
	type entry struct {
		stratum, group string
		order          uint64
	}
	var groups []entry
	seen := map[string]bool{}
	for i := range s.Clips {
		c := &s.Clips[i]
		if g := group(c); !seen[g] {
			seen[g] = true
			groups = append(groups, entry{stratum(c), g, hash(seed, g)})
		}
	}
	slices.SortFunc(groups, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.stratum, b.stratum), cmp.Compare(a.order, b.order), strings.Compare(a.group, b.group))
	})
	n := len(groups)
	count := int(math.Round(fraction * float64(n)))
	if n > 1 && fraction > 0 && fraction < 1 {
		count = min(max(count, 1), n-1)
	}
	offset := float64(hash(seed, "offset")>>11) / (1 << 53)
	chosen := make(map[string]bool, count)
	for k := range count {
		chosen[groups[min(n-1, int((float64(k)+offset)*float64(n)/float64(count)))].group] = true
	}
	held = s.Filter(func(c *Clip) bool { return chosen[group(c)] })
	rest = s.Filter(func(c *Clip) bool { return !chosen[group(c)] })
	return rest, held
}

// hash mixes a seed and a name into 64 bits.
func hash(seed uint64, name string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	h.Write([]byte(name))
	return splitmix(h.Sum64())
}

// splitmix is the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): it decorrelates neighbouring seeds.
func splitmix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
