package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format is a way to write a [Table].
type Format int

// The formats of a table.
const (
	// Text is aligned columns for a terminal.
	Text Format = iota
	// Markdown is a GitHub table.
	Markdown
	// CSV is comma-separated values with the columns' keys as header.
	CSV
	// JSON is an array with one object per row, keyed by the columns' keys.
	JSON
)

var formatNames = [...]string{Text: "text", Markdown: "markdown", CSV: "csv", JSON: "json"}

// String returns the name that [ParseFormat] reads.
func (f Format) String() string { return formatNames[f] }

// ParseFormat is the inverse of [Format.String].
func ParseFormat(name string) (Format, error) {
	for f, n := range formatNames {
		if n == name {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("format %q is unknown: use one of %s", name, strings.Join(formatNames[:], ", "))
}

// Column describes one column of a [Table].
type Column struct {
	// Key names the column in JSON and CSV.
	Key string
	// Title heads the column in text and Markdown; empty means Key.
	Title string
	// Decimals is the number of digits after the point that floats get in
	// text and Markdown. CSV and JSON keep full precision.
	Decimals int
}

func (c Column) title() string {
	if c.Title == "" {
		return c.Key
	}
	return c.Title
}

// Decimals returns how many digits after the point show different numbers that
// rows are named by: as few as show each in full, or with two as nearly as that
// goes, and in any case tell them apart.
func Decimals(values []float64) int {
	const most = 17 // enough for any float64 from 0.1
	for d := range most {
		full, shown := true, make(map[string]bool)
		for _, v := range values {
			s := show(v, d)
			x, _ := strconv.ParseFloat(s, 64) // what is shown is a number
			full = full && x == v
			shown[s] = true
		}
		if len(shown) == len(values) && (full || d >= 2) {
			return d
		}
	}
	return most
}

// Table is a result in rows. A cell is a string, an int, a bool, a float64
// (NaN: not available) or nil (empty).
type Table struct {
	Columns []Column
	Rows    [][]any
}

// Add appends a row. It panics unless there is one cell per column.
func (t *Table) Add(cells ...any) {
	if len(cells) != len(t.Columns) {
		panic(fmt.Sprintf("report: row of %d cells in a table of %d columns", len(cells), len(t.Columns)))
	}
	t.Rows = append(t.Rows, cells)
}

// Write writes the table to w in format f.
func (t *Table) Write(w io.Writer, f Format) error {
	switch f {
	case Markdown:
		return t.writeMarkdown(w)
	case CSV:
		return t.writeCSV(w)
	case JSON:
		return t.writeJSON(w)
	default:
		return t.writeText(w)
	}
}

// missing reports whether a cell has nothing to show.
func missing(v any) bool {
	x, ok := v.(float64)
	return v == nil || ok && math.IsNaN(x)
}

// show formats a cell for people.
func show(v any, decimals int) string {
	if missing(v) {
		return "-"
	}
	if x, ok := v.(float64); ok {
		s := strconv.FormatFloat(x, 'f', decimals, 64)
		if strings.Trim(s, "-0.") == "" {
			s = strings.TrimPrefix(s, "-") // no negative zero
		}
		return s
	}
	return fmt.Sprint(v)
}

// cells returns header and rows as people see them, written by spell, and the
// columns' widths in characters.
func (t *Table) cells(spell func(string) string) (lines [][]string, width []int) {
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = spell(c.title())
	}
	lines = append(lines, header)
	for _, row := range t.Rows {
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = spell(show(v, t.Columns[i].Decimals))
		}
		lines = append(lines, line)
	}
	width = make([]int, len(t.Columns))
	for _, line := range lines {
		for i, s := range line {
			width[i] = max(width[i], utf8.RuneCountInString(s))
		}
	}
	return lines, width
}

// textual reports, per column, whether it holds nothing but words, which align
// left.
func (t *Table) textual() []bool {
	words := make([]bool, len(t.Columns))
	for i := range words {
		for _, row := range t.Rows {
			if _, ok := row[i].(string); !ok && !missing(row[i]) {
				words[i] = false
				break
			} else if ok {
				words[i] = true
			}
		}
	}
	return words
}

func pad(s string, width int, left bool) string {
	space := strings.Repeat(" ", width-utf8.RuneCountInString(s))
	if left {
		return s + space
	}
	return space + s
}

func (t *Table) writeText(w io.Writer) error {
	lines, width := t.cells(func(s string) string { return s })
	words := t.textual()
	var b strings.Builder
	for _, line := range lines {
		var row []string
		for i, s := range line {
			row = append(row, pad(s, width[i], words[i]))
		}
		b.WriteString(strings.TrimRight(strings.Join(row, "  "), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inCell writes text so that Markdown keeps it in one cell of a table.
var inCell = strings.NewReplacer("|", `\|`, "\n", " ")

func (t *Table) writeMarkdown(w io.Writer) error {
	lines, width := t.cells(inCell.Replace)
	words := t.textual()
	var b strings.Builder
	for n, line := range lines {
		for i, s := range line {
			b.WriteString("| " + pad(s, width[i], words[i]) + " ")
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i := range line {
			rule := strings.Repeat("-", width[i]+1)
			if words[i] {
				b.WriteString("|" + rule + "-")
			} else {
				b.WriteString("|" + rule + ":")
			}
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Key
	}
	out.Write(line) // the first error is kept and returned by Error
	for _, row := range t.Rows {
		for i, v := range row {
			switch x := v.(type) {
			case float64:
				line[i] = strconv.FormatFloat(x, 'g', -1, 64)
			case nil:
				line[i] = ""
			default:
				line[i] = fmt.Sprint(x)
			}
			if missing(v) {
				line[i] = ""
			}
		}
		out.Write(line)
	}
	out.Flush()
	return out.Error()
}

// Objects returns the rows as JSON objects whose members keep the order of the
// columns; what is missing is null.
func (t *Table) Objects() []json.RawMessage {
	objects := make([]json.RawMessage, len(t.Rows))
	for n, row := range t.Rows {
		var b bytes.Buffer
		b.WriteByte('{')
		for i, v := range row {
			if missing(v) {
				v = nil
			}
			key, _ := json.Marshal(t.Columns[i].Key) // a string always marshals
			value, err := json.Marshal(v)
			if err != nil {
				value, _ = json.Marshal(fmt.Sprint(v)) // infinities, as words
			}
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(key)
			b.WriteByte(':')
			b.Write(value)
		}
		b.WriteByte('}')
		objects[n] = b.Bytes()
	}
	return objects
}

func (t *Table) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(t.Objects())
}
