//go:build openblas

package nn

/*
#cgo LDFLAGS: -lopenblas
void openblas_set_num_threads(int num_threads);
char *openblas_get_corename(void);
*/
import "C"

import (
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/netlib/blas/netlib"
)

// BLAS names the library behind [Gemm] and the processor that its kernels are
// for. OpenBLAS chooses them when it is loaded; one that is older than the
// processor falls back to kernels ten times slower (PRESCOTT), which the
// environment variable OPENBLAS_CORETYPE overrules.
var BLAS = "openblas for " + C.GoString(C.openblas_get_corename())

// init puts OpenBLAS behind blas32 for the whole program. It runs on one thread
// a call: training runs one replica per core, and two thread pools on the same
// cores would only wait for each other.
func init() {
	C.openblas_set_num_threads(1)
	blas32.Use(netlib.Implementation{})
}
