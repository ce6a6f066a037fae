package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

const rootLong = `sotto takes the noise out of a voice.

It learns what speech and what noise are made of (nonnegative dictionaries of
spectra), estimates how much of each is in every few milliseconds of sound, and
keeps the speech. Files, pipes and folders go through "sotto clean", a
microphone through "sotto live".`

const rootExample = `  sotto live --virtual-mic
  sotto clean noisy.wav -o clean.wav
  sotto clean recordings/ -o cleaned/
  sotto plot noisy.wav clean.wav -o before-after.png
  sotto eval clean-reference.wav clean.wav`

// newRoot returns the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "sotto",
		Short:         "take the noise out of a voice",
		Long:          rootLong,
		Example:       rootExample,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := `see "sotto --help" for the commands`
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf("did you mean %q?", near[0])
			}
			return usagef("%q is not a command; %s", args[0], hint)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %q", err, cmd.CommandPath()+" --help")
	})
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "draw no progress bars")
	root.AddCommand(newClean(a), newEval(a), newPlot(a), newModel(a), newTrain(a), newPaper(a), newDemo(a), newLive(a), newDevices(a), newBench(a), newMan(a, root))
	root.SetIn(a.in)
	root.SetOut(a.out) // before the next: completion takes the output of now
	root.SetErr(a.err)
	strict(root)
	return root
}

// strict makes the commands that cobra adds refuse arguments that they do not
// know, which they answer with help and success.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err != nil {
					return usageError{err}
				}
				return root.Args(found, rest)
			}
		case "completion":
			var shells []string
			for _, shell := range cmd.Commands() {
				shells = append(shells, shell.Name())
				shell.Args = arguments(0, 0, "no argument")
			}
			cmd.Args = arguments(0, 0, "a sub-command: "+strings.Join(shells, ", "))
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// arguments turns a wrong number of arguments into a [usageError]. want is what
// the command takes, in words.
func arguments(atLeast, atMost int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= atLeast && (atMost < 0 || len(args) <= atMost) {
			return nil
		}
		return usagef("%s takes %s, got %d arguments; see %q", cmd.CommandPath(), want, len(args), cmd.CommandPath()+" --help")
	}
}

// newMan returns the command that writes the manual pages of root's tree.
func newMan(a *app, root *cobra.Command) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a folder",
		Args:  arguments(1, 1, "one folder"),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.man(cmd.Context(), root, args[0], force) },
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace pages that exist")
	return cmd
}

// man writes a page for every command of the tree, once none is in the way.
func (a *app) man(ctx context.Context, root *cobra.Command, dir string, force bool) error {
	root.DisableAutoGenTag = true // the same pages on any day
	commands := tree(root)
	paths := make([]string, len(commands))
	for i, cmd := range commands {
		paths[i] = filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		if err := refuse(paths[i], force); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, cmd := range commands {
		header := &doc.GenManHeader{Title: "SOTTO", Section: "1", Source: "sotto " + version}
		if err := a.save(ctx, paths[i], force, func(w io.Writer) error { return doc.GenMan(cmd, header, w) }); err != nil {
			return err
		}
	}
	return nil
}

// tree returns a command and all below it that have a page.
func tree(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && !cmd.IsAdditionalHelpTopicCommand() {
			all = append(all, tree(cmd)...)
		}
	}
	return all
}
