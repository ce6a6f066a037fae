// Package report turns results into things that people and programs read:
// tables as text, Markdown, CSV or JSON, and pictures as PNG.
//
// A [Table] is filled once and written in whatever [Format] was asked for:
//
//	t := report.Table{Columns: []report.Column{
//		{Key: "snr", Title: "SNR dB", Decimals: 0},
//		{Key: "stoi", Title: "STOI", Decimals: 3},
//	}}
//	t.Add(-5.0, 0.612)
//	t.Write(os.Stdout, report.Text)
//
// The pictures ([Spectrograms], [Curves], [Bars], [Histogram], [Heatmaps]) are
// functions from data to an image; [WritePNG] encodes it. They share one look:
// white ground, axes with units, colours that people with impaired colour
// vision can tell apart.
package report
