package dict

// Dictionary is a set of nonnegative spectra, the atoms.
type Dictionary struct {
	// W is Bins x Rank, row-major: column k is atom k, of unit L1 norm.
	W []float32
	// Bins and Rank are the shape of W.
	Bins, Rank int
	// Scale is the mean of the training data, by which they were divided.
	Scale float64
	// Encoder gives activations in one pass; nil unless VAE-NMF trained it.
	Encoder *Encoder
	// Meta says where the dictionary comes from: method, seed, settings.
	Meta map[string]string
}

// normalise scales every column of w to unit L1 norm and returns the norms. A
// column without weight becomes flat and its norm is 0.
func normalise(w []float32, rank int) []float32 {
	norms := make([]float32, rank)
	bins := len(w) / rank
	for k := range rank {
		sum := 0.0
		for j := range bins {
			sum += float64(w[j*rank+k])
		}
		norms[k] = float32(sum)
		for j := range bins {
			if sum > 0 {
				w[j*rank+k] = float32(float64(w[j*rank+k]) / sum)
			} else {
				w[j*rank+k] = 1 / float32(bins)
			}
		}
	}
	return norms
}
