package client

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"guichet/schemas"
)

// JobKey is the private half of a job key, with what its file says of it.
type JobKey struct {
	Server     string // address of the gateway that knows the other half
	ID         schemas.LeaseID
	Agreements []schemas.AgreementID
	Until      time.Time
	Private    ed25519.PrivateKey
}

// keyBlock is what a PEM file calls a private key [RFC 5958 §5].
const keyBlock = "PRIVATE KEY"

// File writes a job key as a PEM file, which OpenSSL and others read: what it says of the key
// stands before the key itself, as RFC 7468 §5.2 allows.
func (k *JobKey) File() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("write a job key: %w", err)
	}
	var b strings.Builder
	b.WriteString("A job key of Guichet: whoever has this file gets leases with it. Revoke it by its id.\n")
	ids := make([]string, len(k.Agreements))
	for i, id := range k.Agreements {
		ids[i] = string(id)
	}
	for _, l := range [][2]string{
		{"server", k.Server}, {"id", string(k.ID)}, {"agreements", strings.Join(ids, " ")}, {"until", k.Until.UTC().Format(time.RFC3339)},
	} {
		fmt.Fprintf(&b, "%s: %s\n", l[0], l[1])
	}
	return append([]byte(b.String()), pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})...), nil
}

// ReadJobKey reads what File wrote. Errors: Invalid, saying what is not there.
func ReadJobKey(file []byte) (JobKey, error) {
	bad := func(format string, args ...any) (JobKey, error) {
		return JobKey{}, schemas.Errorf(schemas.Invalid, "job key", "this is no file of guichet job-key: "+format, args...)
	}
	var k JobKey
	for line := range strings.Lines(string(file)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "server":
			k.Server = value
		case "id":
			k.ID = schemas.LeaseID(value)
		case "agreements":
			for _, id := range strings.Fields(value) {
				k.Agreements = append(k.Agreements, schemas.AgreementID(id))
			}
		case "until":
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return bad("until: %v", err)
			}
			k.Until = at
		}
	}
	if k.Server == "" || !strings.HasPrefix(string(k.ID), schemas.JobKeyPrefix) || len(k.Agreements) == 0 || k.Until.IsZero() {
		return bad("server, id, agreements or until is missing")
	}
	block, _ := pem.Decode(file)
	if block == nil || block.Type != keyBlock {
		return bad("there is no private key in it")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, is := key.(ed25519.PrivateKey)
	if err != nil || !is {
		return bad("its private key is no Ed25519 key")
	}
	k.Private = private
	return k, nil
}

// Signing gives the same client for a job: it has no token, and signs what it asks for. A gateway
// gives leases for that, and nothing else.
func (c *Client) Signing(k JobKey) *Client {
	same := *c
	same.token, same.sign = nil, func(path string, body []byte) string {
		now := time.Now().Unix()
		return fmt.Sprintf("%s.%d.%x", k.ID, now, ed25519.Sign(k.Private, schemas.SignedByJobKey(k.ID, now, path, body)))
	}
	return &same
}
