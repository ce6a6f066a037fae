package pesq_test

import (
	"fmt"
	"log"

	"sotto/internal/metrics/pesq"
	"sotto/internal/testsig"
)

// A recording that is only louder than the original is as good as it gets.
func ExampleWideBand() {
	clean := testsig.SpeechLike(32000, 16000, 1)
	loud := make([]float32, len(clean))
	for i, v := range clean {
		loud[i] = 2 * v
	}
	lqo, err := pesq.WideBand(clean, loud, 16000)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("MOS-LQO %.2f\n", lqo)
	// Output: MOS-LQO 4.64
}
