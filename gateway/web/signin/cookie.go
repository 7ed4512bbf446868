package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The cookies: of a session, and of what waits for an issuer's answer. With the prefix a
// browser takes them from this host alone, over TLS, for all its paths [RFC 6265bis §4.1.3].
const (
	hostPrefix    = "__Host-"
	sessionCookie = "guichet"
	pendingCookie = "guichet-signin"
)

// cookieName is a cookie's name at a place: browsers refuse the prefix without TLS.
func cookieName(at place, base string) string {
	if at.secure {
		return hostPrefix + base
	}
	return base
}

// setCookie sets one; an empty value removes it.
func setCookie(w http.ResponseWriter, at place, base, value string, life time.Duration) {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName(at, base), Value: value, Path: "/", MaxAge: age, Secure: at.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode}) // Lax: people come back from an issuer, which is another site
}

// readCookie gives a cookie's value, "" where there is none, or more than one: one of them
// was set by somebody else.
func readCookie(r *http.Request, at place, base string) string {
	all := r.CookiesNamed(cookieName(at, base))
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

// sealer is AES-256-GCM with nonces of its own.
func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed encrypts v; it opens with the same key and the same words for what it is.
func sealed(key []byte, what string, v any) ([]byte, error) {
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead.Seal(nil, nil, b, []byte(what)), nil
}

// unsealed decrypts what sealed made into v, and says whether it was that.
func unsealed(key []byte, what string, b []byte, v any) bool {
	aead, err := sealer(key)
	if err != nil {
		return false
	}
	b, err = aead.Open(nil, nil, b, []byte(what))
	return err == nil && json.Unmarshal(b, v) == nil
}

// words writes bytes as a cookie's value or a parameter.
func words(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// unworded reads what words wrote; nil for anything else.
func unworded(s string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
