package stream

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// Buckets grow by a factor of 2^(1/8) = 9 % from 1 us: 160 of them reach 1 s.
	bucketsPerOctave = 8
	bucketCount      = 160
)

// histogram counts durations in buckets of equal ratio. One goroutine adds, any may read.
type histogram struct {
	buckets [bucketCount]atomic.Uint64
	max     atomic.Int64
}

// add counts one duration.
func (h *histogram) add(d time.Duration) {
	i := 0
	if us := float64(d) / float64(time.Microsecond); us > 1 {
		i = min(int(bucketsPerOctave*math.Log2(us)), bucketCount-1)
	}
	h.buckets[i].Add(1)
	if int64(d) > h.max.Load() {
		h.max.Store(int64(d))
	}
}

// Durations summarises how long something took: three quantiles, exact to 9 %, and the exact maximum.
type Durations struct {
	Median, P99, P999, Max time.Duration
}

// summary returns the quantiles of everything added; zeros when nothing was.
func (h *histogram) summary() Durations {
	var counts [bucketCount]uint64
	var total uint64
	for i := range counts {
		counts[i] = h.buckets[i].Load()
		total += counts[i]
	}
	longest := time.Duration(h.max.Load())
	quantile := func(q float64) time.Duration {
		var sum uint64
		for i, n := range counts {
			if sum += n; total > 0 && float64(sum) >= q*float64(total) {
				us := math.Exp2(float64(i+1) / bucketsPerOctave)
				return min(time.Duration(us*float64(time.Microsecond)), longest)
			}
		}
		return 0
	}
	return Durations{quantile(0.5), quantile(0.99), quantile(0.999), longest}
}
