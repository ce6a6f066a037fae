//go:build goexperiment.simd

package nn

import "simd/archsimd"

// wide says whether the processor runs the kernels of this file.
var wide = archsimd.X86.AVX2() && archsimd.X86.FMA()

// lanes is how many units a vector holds.
const lanes = 8

// The wide kernels do as many units of a GRU's cell as fill whole vectors, and
// return how many that were; the rest is left to the plain loops beside them.

// wideBlend sets next[j] to n[j] + z[j] (prev[j] - n[j]).
func wideBlend(next, prev, z, n []float32) int {
	if !wide {
		return 0
	}
	count := len(next) &^ (lanes - 1)
	for j := 0; j < count; j += lanes {
		c := load(n[j:])
		load(z[j:]).MulAdd(load(prev[j:]).Sub(c), c).StoreSlice(next[j:])
	}
	archsimd.ClearAVXUpperBits()
	return count
}

func (c *cellGradient) wideBackward() int {
	if !wide {
		return 0
	}
	count := len(c.r) &^ (lanes - 1)
	one := archsimd.BroadcastFloat32x8(1)
	for j := 0; j < count; j += lanes {
		r, z, n := load(c.r[j:]), load(c.z[j:]), load(c.n[j:])
		d := load(c.grad[j:]).Add(load(c.carry[j:]))
		passed := d.Mul(z)
		dn := d.Sub(passed).Mul(one.Sub(n.Mul(n)))
		dz := passed.Mul(load(c.prev[j:]).Sub(n)).Mul(one.Sub(z))
		rejected := dn.Mul(r)
		dr := rejected.Mul(load(c.inner[j:])).Mul(one.Sub(r))
		dr.StoreSlice(c.inR[j:])
		dr.StoreSlice(c.recR[j:])
		dz.StoreSlice(c.inZ[j:])
		dz.StoreSlice(c.recZ[j:])
		dn.StoreSlice(c.inN[j:])
		rejected.StoreSlice(c.recN[j:])
		passed.StoreSlice(c.carry[j:])
	}
	archsimd.ClearAVXUpperBits()
	return count
}

func load(x []float32) archsimd.Float32x8 { return archsimd.LoadFloat32x8Slice(x) }
