//go:build !race

package streamtest

const raceEnabled = false
