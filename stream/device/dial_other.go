//go:build !unix

package device

import (
	"io"
	"net"
)

// dialServer connects to a sound server.
func dialServer(network, address string) (io.ReadWriteCloser, error) {
	return net.DialTimeout(network, address, pulseTimeout)
}
