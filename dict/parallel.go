package dict

import "sync"

// defaultWorkers is how many shards a batch is split into. It is a constant,
// not the number of cores, because the order in which shards are added decides
// the last bits of a sum, and a seed must mean the same dictionary everywhere.
const defaultWorkers = 2

// parallel splits 0..n-1 into one contiguous range per worker, runs fn on all
// ranges at once and waits.
func parallel(workers, n int, fn func(worker, from, to int)) {
	if workers <= 1 {
		fn(0, 0, n)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		from, to := w*n/workers, (w+1)*n/workers
		if from == to {
			continue
		}
		wg.Go(func() { fn(w, from, to) })
	}
	wg.Wait()
}
