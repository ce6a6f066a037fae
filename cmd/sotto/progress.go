package main

import (
	"context"
	"runtime"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"

	"sotto/internal/report"
)

// newBar returns a progress bar over total units on standard error; a total of
// -1 is unknown. It draws nothing when --quiet is given or nobody looks, and
// shows up only after half a second, so that quick work stays quiet.
func (a *app) newBar(total int64, what string) *bar {
	b := &bar{total: total, what: what, app: a, start: time.Now()}
	b.silent = a.quiet || !isTerminal(a.err)
	return b
}

// bar is a progress bar that many workers may advance.
type bar struct {
	mu     sync.Mutex
	bar    *progressbar.ProgressBar
	total  int64
	done   int64
	what   string
	app    *app
	start  time.Time
	silent bool
}

// add advances the bar by n units.
func (b *bar) add(n int) {
	if b.silent {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += int64(n)
	if b.bar == nil {
		if time.Since(b.start) < 500*time.Millisecond {
			return
		}
		b.bar = progressbar.NewOptions64(b.total,
			progressbar.OptionSetDescription(b.label(b.what)),
			progressbar.OptionSetWriter(b.app.err),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish())
	}
	// A bar that cannot be drawn must not stop the work.
	_ = b.bar.Set64(b.done)
}

// describe changes what stands before the bar.
func (b *bar) describe(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.what = what
	if b.bar != nil {
		b.bar.Describe(b.label(what))
	}
}

// The columns of what stands before a bar, at least, and of the bar with its
// percentage and its times, at most.
const (
	labelColumns = 30
	barColumns   = 50
)

// label makes what stands before the bar fit its line: a line that wraps is not
// drawn over but goes on down the terminal.
func (b *bar) label(what string) string {
	room := max(labelColumns, columns(b.app.err)-barColumns)
	return report.Shorten(printable(what), func(s string) bool { return utf8.RuneCountInString(s) <= room })
}

// finish removes the bar.
func (b *bar) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear() // see add
	}
	b.silent = true
}

// stages is the progress of work in several parts that each count from one to a
// total of their own, such as folders that are read one after the other.
type stages struct {
	app  *app
	what string
	bar  *bar // of the present part
	last int
}

// report notes how much of a part is done. Less than before, or another total,
// begins the next part.
func (s *stages) report(done, total int) {
	if s.bar == nil || done < s.last || int64(total) != s.bar.total {
		s.finish()
		s.bar, s.last = s.app.newBar(int64(total), s.what), 0
	}
	s.bar.add(done - s.last)
	s.last = done
}

// finish removes the bar.
func (s *stages) finish() {
	if s.bar != nil {
		s.bar.finish()
	}
}

// workers returns the number of workers for a -j flag: its value, or all cores
// for 0.
func workers(j int) (int, error) {
	if j < 0 {
		return 0, usagef("-j is %d, expected a number of workers, or 0 for all cores", j)
	}
	if j == 0 {
		j = runtime.GOMAXPROCS(0)
	}
	return j, nil
}

// parallel calls do for 0..n-1 on j goroutines and returns one error per call,
// nil where it succeeded. Once ctx is cancelled the calls that have not begun
// get its error instead.
func parallel(ctx context.Context, n, j int, do func(i int) error) []error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(j, n) {
		wg.Go(func() {
			for i := range next {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = do(i)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}
