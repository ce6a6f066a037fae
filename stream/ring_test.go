package stream

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRingBehavesAsQueue drives the ring and a plain slice with the same random calls.
func TestRingBehavesAsQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ring := NewRing(rapid.IntRange(1, 70).Draw(t, "capacity"))
		var queue []float32
		next := float32(0)
		read := 0
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				src := make([]float32, rapid.IntRange(0, 100).Draw(t, "n"))
				for i := range src {
					src[i] = next + float32(i)
				}
				n := ring.Write(src)
				if want := min(len(src), ring.Cap()-len(queue)); n != want {
					t.Fatalf("wrote %d of %d with %d of %d in use, want %d", n, len(src), len(queue), ring.Cap(), want)
				}
				queue = append(queue, src[:n]...)
				next += float32(n)
			},
			"read": func(t *rapid.T) {
				dst := make([]float32, rapid.IntRange(0, 100).Draw(t, "n"))
				n := ring.Read(dst)
				if want := min(len(dst), len(queue)); n != want || !slices.Equal(dst[:n], queue[:n]) {
					t.Fatalf("read %v, want %v", dst[:n], queue[:want])
				}
				queue = queue[n:]
				read += n
			},
			"discard": func(t *rapid.T) {
				want := rapid.IntRange(-1, 100).Draw(t, "n")
				n := ring.Discard(want)
				if n != max(0, min(want, len(queue))) {
					t.Fatalf("discarded %d of %d asked with %d waiting", n, want, len(queue))
				}
				queue = queue[n:]
				read += n
			},
			"": func(t *rapid.T) {
				if ring.Len() != len(queue) || ring.Taken() != uint64(read) || ring.Written() != uint64(read+len(queue)) {
					t.Fatalf("Len %d Taken %d Written %d, want %d %d %d",
						ring.Len(), ring.Taken(), ring.Written(), len(queue), read, read+len(queue))
				}
			},
		})
	})
}

func TestRingCapacity(t *testing.T) {
	for _, c := range []struct{ ask, want int }{{1, 1}, {2, 2}, {3, 4}, {1024, 1024}, {1025, 2048}} {
		if got := NewRing(c.ask).Cap(); got != c.want {
			t.Errorf("NewRing(%d).Cap() = %d, want %d", c.ask, got, c.want)
		}
	}
}

// TestRingTwoGoroutines passes a counting sequence between two goroutines in blocks of changing size. Under -race it shows
// that the counters alone order the samples.
func TestRingTwoGoroutines(t *testing.T) {
	const total = 1 << 20
	ring := NewRing(512)
	done := make(chan error, 1)
	go func() {
		dst, want := make([]float32, 300), 0
		for size := 1; want < total; size = size%len(dst) + 1 {
			n := ring.Read(dst[:size])
			for i, v := range dst[:n] {
				if v != float32(want+i) {
					done <- fmt.Errorf("sample %d is %v", want+i, v)
					return
				}
			}
			if want += n; n == 0 {
				runtime.Gosched()
			}
		}
		done <- nil
	}()
	src := make([]float32, 257)
	for sent, size := 0, 1; sent < total; size = size%len(src) + 1 {
		n := min(size, total-sent)
		for i := range src[:n] {
			src[i] = float32(sent + i)
		}
		n = ring.Write(src[:n])
		if sent += n; n == 0 {
			select {
			case err := <-done:
				t.Fatal(err)
			default:
				runtime.Gosched()
			}
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRing(b *testing.B) {
	ring, block := NewRing(4096), make([]float32, 160)
	b.ReportAllocs()
	for b.Loop() {
		ring.Write(block)
		ring.Read(block)
	}
}
