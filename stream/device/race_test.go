//go:build race

package device_test

// underRace tells that the race detector is on, and with it the check of unsafe pointers.
const underRace = true
