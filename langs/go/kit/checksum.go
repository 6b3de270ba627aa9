package kit

// Checksum folds 64-bit words in order: FNV-1a's offset and prime, applied to whole words instead of bytes. It tells
// apart runs that lost, repeated or reordered a word; it is no cryptographic hash.
type Checksum uint64

// NewChecksum returns the checksum of no words.
func NewChecksum() Checksum { return 0xcbf29ce484222325 }

// Add folds one word in. It is small enough to be inlined.
func (h *Checksum) Add(v uint64) { *h = (*h ^ Checksum(v)) * 0x100000001b3 }
