package nn

import "sotto/internal/fastmath"

// cell turns the products of row (one frame of one lane) into the new hidden
// state.
func (g *GRU) cell(row, lane int) {
	h := g.Hidden
	gates, rec, bias := g.gates.Row(row), g.step.Row(lane), g.BiasHH.Value
	rz := fastmath.AddTo(fastmath.AddTo(gates, rec[:2*h]), bias[:2*h])
	fastmath.SigmoidTo(rz, rz)
	n, r, z := gates[2*h:3*h], gates[:h], gates[h:2*h]
	inner := g.inner.Row(row)
	copy(inner, rec[2*h:])
	fastmath.AddTo(inner, bias[2*h:])
	fastmath.MulAddTo(n, r, inner)
	fastmath.TanhTo(n, n)
	prev, next := g.hidden.Row(row)[:h], g.hidden.Row(row + g.Lanes)[:h]
	for j := wideBlend(next, prev, z, n); j < h; j++ {
		next[j] = n[j] + z[j]*(prev[j]-n[j])
	}
}

// cellGradient is one frame of one lane on the way back: what the cell did, the
// gradients that come in, and where those that go out belong. All have a value
// per unit.
type cellGradient struct {
	r, z, n, inner, prev []float32
	grad                 []float32 // of the output
	carry                []float32 // of the state, in; and out, of the state before by way of z
	inR, inZ, inN        []float32 // of the input's share of the gates
	recR, recZ, recN     []float32 // of the recurrent share
}

// cellBackward takes one frame of one lane back: it fills the row of dIn and
// dRec and leaves in carry the part of the gradient that reaches the previous
// state through the update gate.
func (g *GRU) cellBackward(dy Mat, row, lane int) {
	h := g.Hidden
	gates, dIn, dRec := g.gates.Row(row), g.dIn.Row(row), g.dRec.Row(row)
	c := cellGradient{
		r: gates[:h], z: gates[h : 2*h], n: gates[2*h : 3*h], inner: g.inner.Row(row), prev: g.hidden.Row(row),
		grad: dy.Row(row), carry: g.carry.Row(lane),
		inR: dIn[:h], inZ: dIn[h : 2*h], inN: dIn[2*h : 3*h],
		recR: dRec[:h], recZ: dRec[h : 2*h], recN: dRec[2*h : 3*h],
	}
	for j := c.wideBackward(); j < h; j++ {
		r, z, n := c.r[j], c.z[j], c.n[j]
		d := c.grad[j] + c.carry[j]
		passed := d * z
		dn := (d - passed) * (1 - n*n)
		dz := passed * (c.prev[j] - n) * (1 - z)
		dr := dn * r * c.inner[j] * (1 - r)
		c.inR[j], c.recR[j] = dr, dr
		c.inZ[j], c.recZ[j] = dz, dz
		c.inN[j], c.recN[j] = dn, dn*r
		c.carry[j] = passed
	}
}
