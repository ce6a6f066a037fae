package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func sample() *Table {
	t := &Table{Columns: []Column{
		{Key: "system"},
		{Key: "snr", Title: "SNR dB"},
		{Key: "stoi", Title: "STOI", Decimals: 3},
	}}
	t.Add("noisy", -5, 0.6125)
	t.Add("größer", 0, math.NaN())
	t.Add("zero", nil, -0.0001)
	return t
}

func TestTableFormats(t *testing.T) {
	want := map[Format]string{
		Text: `
system  SNR dB   STOI
noisy       -5  0.613
größer       0      -
zero         -  0.000
`,
		Markdown: `
| system | SNR dB |  STOI |
|--------|-------:|------:|
| noisy  |     -5 | 0.613 |
| größer |      0 |     - |
| zero   |      - | 0.000 |
`,
		CSV: `
system,snr,stoi
noisy,-5,0.6125
größer,0,
zero,,-0.0001
`,
	}
	for f, text := range want {
		var b strings.Builder
		if err := sample().Write(&b, f); err != nil {
			t.Fatal(err)
		}
		// 0.6125 is stored a little above, so it rounds up.
		if got := "\n" + b.String(); got != text {
			t.Errorf("%v:\n%s\nwant\n%s", f, got, text)
		}
	}
}

func TestMarkdownEscapes(t *testing.T) {
	table := &Table{Columns: []Column{{Key: "clip"}, {Key: "a|b"}}}
	table.Add("x|y\nz", 1)
	const want = `| clip   | a\|b |
|--------|-----:|
| x\|y z |    1 |
`
	var b strings.Builder
	if err := table.Write(&b, Markdown); err != nil || b.String() != want {
		t.Errorf("got\n%s\nwant\n%s(%v)", b.String(), want, err)
	}
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   int
	}{
		{nil, 0},
		{[]float64{-5, 0, 5, 10}, 0},
		{[]float64{-0.5}, 1},
		{[]float64{-2.5, 0.25, 5}, 2},
		{[]float64{1.23456, 7.1}, 2},
		{[]float64{1.0001, 1.0002}, 4},
		{[]float64{-0.001, 0.001}, 3}, // no -0.00
	} {
		if got := Decimals(c.values); got != c.want {
			t.Errorf("%v: %d decimals, want %d", c.values, got, c.want)
		}
	}
}

func TestTableJSON(t *testing.T) {
	var b strings.Builder
	if err := sample().Write(&b, JSON); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(b.String()), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0]["stoi"] != 0.6125 || rows[1]["stoi"] != nil || rows[0]["system"] != "noisy" {
		t.Errorf("rows = %v", rows)
	}
	if strings.Index(b.String(), "system") > strings.Index(b.String(), "snr") {
		t.Error("members do not keep the order of the columns")
	}
}

func TestTableInfinityStaysValidJSON(t *testing.T) {
	table := Table{Columns: []Column{{Key: "sdr"}}}
	table.Add(math.Inf(1))
	if got := string(table.Objects()[0]); got != `{"sdr":"+Inf"}` {
		t.Errorf("object = %s", got)
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []Format{Text, Markdown, CSV, JSON} {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %v, %v", f, got, err)
		}
	}
	if _, err := ParseFormat("yaml"); err == nil || !strings.Contains(err.Error(), "markdown") {
		t.Errorf("an unknown format must name the known ones, got %v", err)
	}
}
