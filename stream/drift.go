package stream

import "math"

const (
	// maxCorrection bounds the speed-up: 0.5 % is 9 cents, and 50 times what two healthy crystals differ by.
	maxCorrection = 0.005
	// The loop starts wide to find the ratio and narrows until its own noise is inaudible. PipeWire's rate control goes from
	// 0.128 to 0.016 Hz (ALGORITHMS 5.5); playback here begins at the target fill, so that half of that is wide enough.
	acquireBandwidth = 0.064
	lockedBandwidth  = 0.016
	// largestExcess bounds the error that the loop works on, in seconds: what is beyond it came from a stall and says nothing
	// about the clocks. It also keeps the correction within 1.5*2*pi*0.064*0.002 = 0.12 % (2 cents) in the wide state.
	largestExcess = 0.002
	// narrowing is the time constant in seconds with which the bandwidth goes from one to the other (zita-ajbridge states 15 s
	// of settling), widening that of the way back.
	narrowing = 8
	widening  = 1
)

// driftLoop steers the speed-up that keeps a fill level at its target: a second-order delay-locked loop behind two
// smoothing poles, as PipeWire and zita-ajbridge do (Adriaensen, LAC 2012).
type driftLoop struct {
	period     float64 // seconds between updates.
	bandwidth  float64 // Hz, now.
	w0, w1, w2 float64
	z1, z2, z3 float64
}

// newDriftLoop returns a loop that is updated once per period seconds.
func newDriftLoop(period float64) *driftLoop {
	l := &driftLoop{period: period}
	l.reset()
	return l
}

// reset forgets everything, the measured drift included.
func (l *driftLoop) reset() {
	l.z3 = 0
	l.restart()
}

// restart forgets the level but keeps the measured drift: for a jump of the fill that is no drift.
func (l *driftLoop) restart() {
	l.z1, l.z2 = 0, 0
	l.setBandwidth(acquireBandwidth)
}

func (l *driftLoop) setBandwidth(hertz float64) {
	l.bandwidth = hertz
	w := 2 * math.Pi * hertz * l.period
	l.w0 = 1 - math.Exp(-20*w)
	l.w1 = 1.5 * w / l.period
	l.w2 = w / 1.5
}

// update takes the fill's excess over its target in seconds and returns the speed-up, within +-maxCorrection.
func (l *driftLoop) update(excess float64) float64 {
	if math.IsNaN(excess) {
		return l.correction()
	}
	bounded := min(max(excess, -largestExcess), largestExcess)
	l.z1 += l.w0 * (l.w1*bounded - l.z1)
	l.z2 += l.w0 * (l.z1 - l.z2)
	gain, rate := l.w2, -1.0/narrowing
	if bounded != excess {
		// A stall left this, or a drift beyond what the bounded error can answer. Widen, to be done with the first; integrate
		// at the narrow loop's pace, which leaves little false drift behind but gets to the second within minutes.
		narrow := lockedBandwidth / l.bandwidth
		gain *= narrow * narrow
		rate = 1.0 / widening
	}
	l.z3 = min(max(l.z3+gain*l.z2, -maxCorrection), maxCorrection)
	l.setBandwidth(min(max(l.bandwidth*math.Exp(rate*l.period), lockedBandwidth), acquireBandwidth))
	return l.correction()
}

// correction is the speed-up in use.
func (l *driftLoop) correction() float64 {
	return min(max(l.z2+l.z3, -maxCorrection), maxCorrection)
}

// drift is the measured difference between the clocks, in parts of one: positive when capture runs fast.
func (l *driftLoop) drift() float64 { return l.z3 }
