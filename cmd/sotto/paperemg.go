package main

import "github.com/spf13/cobra"

func newPaperEMG(a *app) *cobra.Command {
	_ = a
	return &cobra.Command{Use: "emg"}
}
