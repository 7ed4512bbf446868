package transform

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"guichet/schemas"
)

// keyed writes the pseudonym of a text into Width bytes, which are zero. Not safe for
// concurrent use.
type keyed func(out, text []byte)

// function is the key's, as its derivation names it.
func (k Key) function() (keyed, error) {
	if k.derivation <= schemas.PseudonymsByColumn {
		return hmacOf(k.secret), nil
	}
	return cmacOf(k.secret)
}

// hmacOf is HMAC-SHA-256, of which Width bytes are taken. One that is reset costs least of
// what the standard library has: its states after the key are kept, and nothing is allocated.
func hmacOf(secret []byte) keyed {
	mac := hmac.New(sha256.New, secret)
	sum := make([]byte, 0, sha256.Size)
	return func(out, text []byte) {
		mac.Reset()
		mac.Write(text)
		copy(out, mac.Sum(sum))
	}
}

// cmacOf is AES-CMAC [NIST SP 800-38B, RFC 4493], whose whole tag is a pseudonym: a text of
// up to 16 bytes costs one block of AES, a tenth of HMAC.
//
// It is a pseudorandom function of texts of any length, as long as AES cannot be told from a
// random permutation: of q blocks in all an adversary's gain is some q²/2¹²⁸, 2⁻⁴⁸ after 2⁴⁰.
// So without the key no pseudonym can be computed, turned back or joined with those of
// another key, as with HMAC. With the key a short text can be turned back, where HMAC
// would have every possible text tried: names and numbers fall to that as well, and the
// gateway, which alone has the key, reads the values anyway.
func cmacOf(secret []byte) (keyed, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("make the pseudonym function: %w", err)
	}
	whole, padded := subkeys(block)
	return func(out, text []byte) {
		for ; len(text) > aes.BlockSize; text = text[aes.BlockSize:] {
			xor(out, text)
			block.Encrypt(out, out)
		}
		var last [aes.BlockSize]byte
		key := &whole
		if copy(last[:], text) < aes.BlockSize {
			last[len(text)], key = 0x80, &padded
		}
		xor(out, last[:])
		xor(out, key[:])
		block.Encrypt(out, out)
	}, nil
}

// xor adds a block of AES to another; subtle.XORBytes costs as much as the AES itself.
func xor(to, b []byte) {
	to, b = to[:aes.BlockSize], b[:aes.BlockSize]
	binary.NativeEndian.PutUint64(to, binary.NativeEndian.Uint64(to)^binary.NativeEndian.Uint64(b))
	binary.NativeEndian.PutUint64(to[8:], binary.NativeEndian.Uint64(to[8:])^binary.NativeEndian.Uint64(b[8:]))
}

// subkeys go into the last block, one where the text fills it and one where it was padded:
// so no text is another one's beginning.
func subkeys(block cipher.Block) (whole, padded [aes.BlockSize]byte) {
	double := func(b [aes.BlockSize]byte) (out [aes.BlockSize]byte) { // in GF(2¹²⁸)
		for i := range b {
			out[i] = b[i] << 1
			if i+1 < len(b) {
				out[i] |= b[i+1] >> 7
			}
		}
		out[len(out)-1] ^= 0x87 * (b[0] >> 7)
		return out
	}
	var zero [aes.BlockSize]byte
	block.Encrypt(zero[:], zero[:])
	whole = double(zero)
	return whole, double(whole)
}
