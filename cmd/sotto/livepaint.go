package main

import (
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
)

// ink is a colour as the sequences that turn it on and off, made once: styling
// a run of characters then allocates nothing.
type ink struct{ on, off string }

func newInk(s lipgloss.Style) ink {
	on, off, _ := strings.Cut(s.Render("x"), "x")
	return ink{on, off}
}

// painter draws into a buffer that is used again.
type painter struct {
	b      []byte
	column int // characters since the start of the line.

	title, plain, label, good, warn, bad, cut, limit, track ink
	parts                                                   [6]ink // of the latency.
	noisy, clean                                            [maxSpectrumRows]ink
}

// newPainter mixes colours of medium lightness, which can be read on black and
// on white.
func newPainter() painter {
	colour := func(hex string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(hex)) }
	p := painter{
		title: newInk(colour("#2aa198").Bold(true)), plain: newInk(lipgloss.NewStyle()), label: newInk(colour("#808890")),
		good: newInk(colour("#3fae6b")), warn: newInk(colour("#d19a2a")), bad: newInk(colour("#d9534f").Bold(true)),
		cut: newInk(colour("#9a6fd0")), limit: newInk(colour("#d19a2a").Bold(true)), track: newInk(colour("#5c6370").Faint(true)),
	}
	for i, hex := range [...]string{"#4f8fd9", "#6c7a89", "#d19a2a", "#2aa198", "#b0589a", "#3fae6b"} {
		p.parts[i] = newInk(colour(hex))
	}
	for i, c := range lipgloss.Blend1D(maxSpectrumRows, lipgloss.Color("#8a5a2b"), lipgloss.Color("#f0a040")) {
		p.noisy[i] = newInk(lipgloss.NewStyle().Foreground(c))
	}
	for i, c := range lipgloss.Blend1D(maxSpectrumRows, lipgloss.Color("#1f6f6b"), lipgloss.Color("#40d8c0")) {
		p.clean[i] = newInk(lipgloss.NewStyle().Foreground(c))
	}
	return p
}

// text draws a string in a colour.
func (p *painter) text(i ink, s string) {
	p.b = append(append(append(p.b, i.on...), s...), i.off...)
	p.column += utf8.RuneCountInString(s)
}

// number draws a figure in a colour.
func (p *painter) number(i ink, v float64, decimals int, unit string) {
	p.b = append(p.b, i.on...)
	before := len(p.b)
	p.b = append(appendFixed(p.b, v, decimals), unit...)
	p.column += utf8.RuneCount(p.b[before:])
	p.b = append(p.b, i.off...)
}

// count draws a number of mishaps: red unless it is 0.
func (p *painter) count(name string, n uint64) {
	i := p.plain
	if n > 0 {
		i = p.warn
	}
	p.text(p.label, name)
	p.number(i, float64(n), 0, "")
}

// space draws blanks up to a column.
func (p *painter) space(column int) {
	for ; p.column < column; p.column++ {
		p.b = append(p.b, ' ')
	}
}

// row begins a line with its name.
func (p *painter) row(name string) {
	p.space(margin)
	p.text(p.label, name)
	p.space(margin + gutter)
}

// end ends the line.
func (p *painter) end() {
	p.b = append(p.b, '\n')
	p.column = 0
}

// eighths are the left parts of a cell, and below them the lower parts.
var (
	eighths = [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}
	heights = [...]string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
)

// bar draws share of width cells in a colour that inkAt picks by cell, and the
// rest as a track. mark, if inside, is the cell of a tick.
func (p *painter) bar(width int, share float64, mark int, inkAt func(cell int) ink) {
	full := int(min(max(share, 0), 1)*float64(8*width) + 0.5)
	for cell := range width {
		part := min(max(full-8*cell, 0), 8)
		switch {
		case cell == mark && part < 8:
			p.text(inkAt(cell), "┃")
		case part == 0:
			p.text(p.track, "─")
		default:
			p.text(inkAt(cell), eighths[part])
		}
	}
}
