// Command sotto takes the noise out of a voice: in files, in pipes, and live.
//
// Every sub-command lives in a file of its own name. What they share:
//
//	main.go      exit codes, and what becomes of an error
//	app.go       streams, models, output files: what every command is given
//	progress.go  progress bars, workers
//	pipeline.go  sound of any rate and channel count through the enhancer
//
// # Manners
//
// Results go to standard output, everything else to standard error. An error
// is one line: what was found, what was expected, what to do. A file that
// exists is never overwritten unasked, and none is ever left half written.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"
)

// Exit codes; the last is what shells report for a command that Ctrl-C ended.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// version is set by the linker; see the Makefile.
var version = "devel"

func main() {
	catchHangups()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// catchHangups keeps the second hangup of a terminal that closes from ending the
// program in the middle of its good order: somebody always listens. (After
// signal.Ignore a hangup that is on its way meanwhile would still end it.)
func catchHangups() {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// run is the whole program with its streams, and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends the program at once
	root := newRoot(&app{in: stdin, out: stdout, err: stderr})
	root.SetArgs(args)
	return explain(stderr, root.ExecuteContext(ctx))
}

// endings are the signals that end a command in good order.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // else nohup wants it to outlive its terminal
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// usageError is a mistake in the command line rather than in what it names.
type usageError struct{ error }

// Unwrap returns the mistake.
func (e usageError) Unwrap() error { return e.error }

// usagef returns a [usageError].
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// printable returns text on one line, and without what would move the cursor or
// colour the terminal: the name of a file may hold anything.
func printable(text string) string {
	return strings.Join(strings.FieldsFunc(text, unicode.IsControl), " ")
}

// explain prints an error on one line and returns the exit code it stands for.
func explain(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailure
	if errors.As(err, &usageError{}) {
		code = exitUsage
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "sotto: interrupted; unfinished files were removed")
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "sotto: "+printable(err.Error()))
	return code
}
