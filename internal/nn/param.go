package nn

import "math"

// Param is a weight with its gradient, both row-major Rows x Cols (a bias is
// 1 x n).
type Param struct {
	Name        string
	Rows, Cols  int
	Value, Grad []float32
	// Decay says whether AdamW's weight decay applies; biases and dictionaries
	// are left out.
	Decay bool
}

// NewParam returns a zero parameter.
func NewParam(name string, rows, cols int, decay bool) *Param {
	n := rows * cols
	return &Param{Name: name, Rows: rows, Cols: cols, Decay: decay, Value: make([]float32, n), Grad: make([]float32, n)}
}

// Replica returns a parameter that shares p's value and has a gradient of its
// own.
func (p *Param) Replica() *Param {
	q := *p
	q.Grad = make([]float32, len(p.Grad))
	return &q
}

// Mat returns the value as a matrix.
func (p *Param) Mat() Mat { return Mat{Rows: p.Rows, Cols: p.Cols, Data: p.Value} }

// GradMat returns the gradient as a matrix.
func (p *Param) GradMat() Mat { return Mat{Rows: p.Rows, Cols: p.Cols, Data: p.Grad} }

// ZeroGrads clears all gradients.
func ZeroGrads(params []*Param) {
	for _, p := range params {
		clear(p.Grad)
	}
}

// AddGrads adds the gradients of src into dst; the two lists belong to replicas
// of one network.
func AddGrads(dst, src []*Param) {
	for i, p := range dst {
		g := src[i].Grad
		for j := range p.Grad {
			p.Grad[j] += g[j]
		}
	}
}

// GradNorm returns the Euclidean norm of all gradients together.
func GradNorm(params []*Param) float64 {
	var sum float64
	for _, p := range params {
		var s float32
		for _, g := range p.Grad {
			s += g * g
		}
		sum += float64(s)
	}
	return math.Sqrt(sum)
}

// ClipGlobalNorm scales all gradients so that their common norm is at most
// limit and returns the norm before. Gradients that are not finite are set to
// zero, so that one bad batch costs one step and not the weights.
func ClipGlobalNorm(params []*Param, limit float64) float64 {
	norm := GradNorm(params)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		ZeroGrads(params)
		return norm
	}
	if norm <= limit {
		return norm
	}
	scale := float32(limit / norm)
	for _, p := range params {
		for j := range p.Grad {
			p.Grad[j] *= scale
		}
	}
	return norm
}
