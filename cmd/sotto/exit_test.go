package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{errors.New("a.wav: two\nlines"), 1, "sotto: a.wav: two lines\n"},
		{errors.New("a  b\x1b[31m.wav:\n\ngone"), 1, "sotto: a  b [31m.wav: gone\n"},
		{fmt.Errorf("outer: %w", usagef("--x is %d", 3)), 2, "sotto: outer: --x is 3\n"},
		{errors.Join(context.Canceled, errors.New("and more")), 130, "sotto: interrupted; unfinished files were removed\n"},
	} {
		var b bytes.Buffer
		if code := explain(&b, c.err); code != c.code || b.String() != c.text {
			t.Errorf("%v: code %d, %q; want %d, %q", c.err, code, b.String(), c.code, c.text)
		}
	}
}
