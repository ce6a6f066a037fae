package stream

import (
	"math"
	"sync/atomic"
	"time"

	"sotto/internal/resample"
)

const (
	// ringTime is the capacity of either ring in seconds, far over what the target lets wait: it takes in what piles up while
	// one side stalls.
	ringTime = 1.0
	// longestBlock bounds what a block adds to the target, in seconds: a server that hands out more at once than this is
	// catching up.
	longestBlock = 0.060
	// scratchFrames is the piece in which callbacks work through a buffer of any length.
	scratchFrames = 512
)

// controls are what the user changes while the engine runs.
type controls struct {
	channel atomic.Int32 // 0 averages, otherwise counted from 1.
	bypass  atomic.Bool
	mute    atomic.Bool
	taps    [maxTaps]atomic.Pointer[Tap]
}

// pipe carries audio for as long as one pair of devices lasts: capture callback, ring, DSP goroutine, ring, playback
// callback. Everything is allocated when it is made.
type pipe struct {
	*counters
	*controls
	now     func() time.Duration
	in, out Format
	proc    Processor
	hopTime time.Duration
	waker   waker // says that there is something to process.

	// The capture thread's.
	capture     *Ring
	captured    stamp
	captureMono []float32
	lastCapture time.Duration
	longest     atomic.Int64 // frames of the longest capture block.

	// The playback thread's.
	play     *Ring
	played   stamp
	player   *player
	playMono []float32

	// The DSP goroutine's.
	toProc  *resample.Stream // nil when the capture rate is the processor's.
	chunk   []float32        // captured samples on the way to toProc.
	decoded []float32        // the same at the processor's rate.
	pending []float32        // samples at the processor's rate that do not fill a hop yet.
	hop     []float32
	wet     []float32
	mixer   *mixer
	vary    *Varispeed
	varied  []float32
	skip    *skipper
	level   *leveller
}

// newPipe builds the path between two opened formats around a processor, which it resets.
func newPipe(in, out Format, proc Processor, margin time.Duration, cnt *counters, ctl *controls, now func() time.Duration) *pipe {
	rate, hop := proc.SampleRate(), proc.Hop()
	proc.Reset()
	p := &pipe{
		counters: cnt, controls: ctl, now: now, in: in, out: out, proc: proc,
		hopTime: seconds(float64(hop) / float64(rate)),
		capture: NewRing(int(ringTime * float64(in.Rate))), captureMono: make([]float32, scratchFrames),
		play: NewRing(int(ringTime * float64(out.Rate))), playMono: make([]float32, scratchFrames),
		hop: make([]float32, hop), wet: make([]float32, hop),
		mixer: newMixer(hop, proc.Latency()), vary: NewVarispeed(rate, out.Rate, hop),
	}
	p.player = newPlayer(p.play, out.Rate)
	p.varied = make([]float32, 0, p.vary.Outputs(hop))
	p.longest.Store(int64(in.Block))
	p.skip = newSkipper(hop, rate)
	p.level = newLeveller(p, margin)
	if in.Rate != rate {
		p.toProc = resample.NewStream(in.Rate, rate)
		p.chunk = make([]float32, max(in.Rate/1000, 1)) // 1 ms.
		room := len(p.chunk)*rate/in.Rate + 2
		p.decoded = make([]float32, 0, room)
		p.pending = make([]float32, 0, hop+room)
	}
	return p
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// span returns how long n frames of a format last.
func (f Format) span(n int) float64 { return float64(n) / float64(f.Rate) }

// onCapture is the capture callback.
func (p *pipe) onCapture(buf []float32, t Timing) {
	now := p.now()
	frames := len(buf) / p.in.Channels
	if p.lastCapture > 0 {
		p.interval.add(now - p.lastCapture)
	}
	p.lastCapture = now
	if t.Xrun {
		p.captureXruns.Add(1)
	}
	if t.Latency != 0 {
		p.captureAge.follow(t.Latency.Seconds(), timingAverage)
	}
	p.captureSpan.follow(p.in.span(frames), timingAverage)
	if int64(frames) > p.longest.Load() {
		p.longest.Store(int64(frames))
	}
	p.store(buf)
	p.captured.set(p.capture.Written(), now)
	p.waker.wake()
}

// store mixes buf down into the capture ring.
func (p *pipe) store(buf []float32) {
	channels, lost := p.in.Channels, 0
	pick := int(p.channel.Load())
	for len(buf) >= channels {
		n := min(len(buf)/channels, len(p.captureMono))
		mixDown(p.captureMono[:n], buf[:n*channels], channels, pick)
		lost += n - p.capture.Write(p.captureMono[:n])
		buf = buf[n*channels:]
	}
	if lost > 0 {
		p.overruns.Add(1)
		p.lost.Add(uint64(lost))
	}
}

// mixDown writes one channel of the interleaved frames (pick counts from 1), or their average where there is no such channel.
// A value that is no audio, beyond 24 dB over full scale or not a number, becomes 0.
func mixDown(dst, frames []float32, channels, pick int) {
	scale := 1 / float32(channels)
	for i := range dst {
		frame := frames[i*channels : (i+1)*channels]
		var v float32
		if pick >= 1 && pick <= channels {
			v = frame[pick-1]
		} else {
			for _, c := range frame {
				v += c
			}
			v *= scale
		}
		if !(v > -16 && v < 16) {
			v = 0
		}
		dst[i] = v
	}
}

// onPlay is the playback callback.
func (p *pipe) onPlay(buf []float32, t Timing) {
	now := p.now()
	channels := p.out.Channels
	frames := len(buf) / channels
	if t.Xrun {
		p.playbackXruns.Add(1)
	}
	if t.Latency != 0 {
		p.ahead.follow(t.Latency.Seconds(), timingAverage)
	}
	p.playbackSpan.follow(p.out.span(frames), timingAverage)
	surplus := -1
	if !p.player.running.Load() {
		surplus = p.surplus(frames, now)
	}
	missing := 0
	for len(buf) >= channels {
		n := min(len(buf)/channels, len(p.playMono))
		missing += p.player.fill(p.playMono[:n], surplus)
		for i, v := range p.playMono[:n] {
			for c := range channels {
				buf[i*channels+c] = v
			}
		}
		buf = buf[n*channels:]
	}
	p.played.set(p.play.Taken(), now)
	if missing > 0 {
		p.underruns.Add(1)
		p.missing.Add(uint64(missing))
	}
}

// surplus returns by how many samples the fill would be over its target if playback started with a buffer of so many frames
// now; -1 when it cannot start.
func (p *pipe) surplus(frames int, now time.Duration) int {
	_, at, ok := p.captured.get()
	if !ok || p.play.Len() < frames {
		return -1
	}
	fill := p.in.span(p.capture.Len()) + p.out.span(p.play.Len()-frames) + (now - at).Seconds()
	excess := fill - time.Duration(p.target.Load()).Seconds()
	if excess < 0 {
		return -1
	}
	return min(int(excess*float64(p.out.Rate)), p.play.Len()-frames)
}

// step processes one hop, or returns false when there is none. It is the DSP goroutine's.
func (p *pipe) step() bool {
	if !p.gather() {
		return false
	}
	p.level.update()
	if p.level.drop() || p.play.Cap()-p.play.Len() < p.vary.Outputs(len(p.hop)) {
		p.skip.leaveOut(p.hop)
		p.dropped.Add(1)
		return true
	}
	p.skip.join(p.hop)
	start := p.now()
	p.proc.Process(p.wet, p.hop)
	p.account(p.now() - start)
	heard := p.mixer.mix(p.hop, p.wet, p.bypass.Load(), p.mute.Load())
	for i := range p.taps {
		if tap := p.taps[i].Load(); tap != nil {
			tap.push(p.mixer.dry, p.wet, p.proc.SampleRate())
		}
	}
	p.meter(&p.inPeak, &p.inPower, p.hop)
	p.meter(&p.outPeak, &p.outPw, heard)
	p.varied = p.vary.Process(p.varied, heard)
	p.play.Write(p.varied)
	return true
}

// gather fills p.hop with captured samples at the processor's rate, or leaves them waiting and returns false.
func (p *pipe) gather() bool {
	if p.toProc == nil {
		if p.capture.Len() < len(p.hop) {
			return false
		}
		p.capture.Read(p.hop)
		return true
	}
	for len(p.pending) < len(p.hop) {
		n := p.capture.Read(p.chunk)
		if n == 0 {
			return false
		}
		p.decoded = p.toProc.Process(p.decoded, p.chunk[:n])
		p.pending = append(p.pending, p.decoded...)
	}
	copy(p.hop, p.pending)
	p.pending = p.pending[:copy(p.pending, p.pending[len(p.hop):])]
	return true
}

// account notes how long a hop took.
func (p *pipe) account(took time.Duration) {
	p.hops.Add(1)
	p.counters.hopTime.add(took)
	if took > p.hopTime {
		p.late.Add(1)
	}
	load := took.Seconds() / p.hopTime.Seconds()
	p.load.follow(load, p.hopTime.Seconds()/loadAverage)
}

// meter updates one level with a hop.
func (p *pipe) meter(peak, power *gauge, x []float32) {
	var top, sum float64
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
		sum += float64(v) * float64(v)
	}
	span := p.hopTime.Seconds()
	peak.set(max(top, peak.get()*math.Exp(-span/peakDecay)))
	old := power.get()
	power.set(old + (sum/float64(len(x))-old)*(1-math.Exp(-span/powerAverage)))
}

// latency splits the time from converter to converter.
func (p *pipe) latency() Latency {
	rate := float64(p.proc.SampleRate())
	resampling := p.vary.Delay() / rate
	if p.toProc != nil {
		resampling += p.toProc.Delay() / rate
	}
	// A sample at the end of a capture block is its span younger than the first; one at the end of a playback block leaves
	// its span later. Fill counts from callback to callback (see leveller.fill).
	age := p.captureAge.get()
	if age == 0 {
		age = p.captureSpan.get()
	}
	buffer := time.Duration(p.fill.Load()) - p.hopTime + seconds(p.playbackSpan.get()-p.captureSpan.get())
	return Latency{
		Capture: seconds(age), Buffer: max(buffer, 0), Hop: p.hopTime,
		Processor: seconds(float64(p.proc.Latency()) / rate), Resampling: seconds(resampling),
		Playback: seconds(p.ahead.get()),
	}
}
