// Package notify hands messages to organisations: to a webhook, signed, or by mail.
//
// In: an address that an operator registered, an id, a body. Out: nil when it was taken.
// Always: no redirect is followed, no answer is read beyond its status, and nothing waits
// longer than Patience. It must not know what the messages are about.
package notify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"guichet/connectors/trust"
)

// Patience is how long a webhook or a mail server may take.
const Patience = 15 * time.Second

// Webhook posts messages, signed by an Ed25519 key as Standard Webhooks says (v1a).
type Webhook struct {
	key    ed25519.PrivateKey
	client *http.Client
}

// NewWebhook makes one of a seed of 32 bytes and the transport that reaches addresses.
func NewWebhook(seed []byte, rt http.RoundTripper) *Webhook {
	c := &http.Client{
		Transport:     rt,
		Timeout:       Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Webhook{ed25519.NewKeyFromSeed(seed), c}
}

// PublicKey is the key that receivers verify with, in the form of Standard Webhooks:
// whpk_ and the base64 of its 32 bytes.
func (w *Webhook) PublicKey() string {
	return "whpk_" + base64.StdEncoding.EncodeToString(w.key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // crypto/ed25519 says so
}

// Send posts a body. The signature is over id.timestamp.body, timestamp in seconds. status
// is what the receiver answered, 0 for none; an error is whatever was not 2xx.
func (w *Webhook) Send(ctx context.Context, url, id string, at time.Time, body []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("call the webhook: %w", err)
	}
	when := strconv.FormatInt(at.Unix(), 10)
	signature := ed25519.Sign(w.key, []byte(id+"."+when+"."+string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", when)
	r.Header.Set("webhook-signature", "v1a,"+base64.StdEncoding.EncodeToString(signature))
	resp, err := w.client.Do(r)
	if err != nil {
		return 0, trust.Fault("the webhook", url, "check the address, and that it takes calls from the gateway", err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, fmt.Errorf("the webhook at %s answered %s", url, resp.Status)
	}
	return resp.StatusCode, nil
}
