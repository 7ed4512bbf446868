package agreement

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// account is a budget with what was taken of it. A budget of the terms is for a project,
// over all of its agreements on the dataset, and for an organisation over all of its
// projects: those it makes as it likes. What a request bound itself to is for its
// agreement. Putting the same budget again goes on counting; a provider who puts another
// one, or under another rule, begins anew.
type account struct {
	duty        *schemas.Duty
	id          string // "": the agreement's own columns
	of          payer
	rows, bytes int64 // given out for good
	heldRows    int64 // and reserved
	heldBytes   int64
}

// purse is every budget that an agreement is under; empty where there is none.
type purse []account

// payer is whom a budget is for: a project, or an organisation. Their ids never are the
// same: those of organisations are URLs.
type payer struct {
	id           string
	organisation bool
}

// payers gives whom the budgets of an agreement are for: its project, the organisation
// that asked, and the project's lead, so that nobody gets more by asking through another.
func payers(project schemas.ProjectID, asker, lead schemas.ParticipantID) []payer {
	out := []payer{{string(project), false}, {string(asker), true}}
	if lead != asker {
		out = append(out, payer{string(lead), true})
	}
	return slices.DeleteFunc(out, func(o payer) bool { return o.id == "" })
}

// account names a payer's account of a budget of the terms.
func (w payer) account(dataset schemas.DatasetID, o *schemas.Duty) string {
	kind := "guichet account 1"
	if w.organisation {
		kind = "guichet account 1 of an organisation"
	}
	b, _ := json.Marshal([]any{kind, dataset, w.id, o.Rule, o.Rows, o.Bytes}) // texts and numbers: cannot fail
	sum := sha256.Sum256(b)
	return "acc-" + hex.EncodeToString(sum[:20])
}

// ofRequest is the rule of a budget to which a request bound itself.
const ofRequest = "request"

// purse reads the accounts of an agreement.
func purseOf(ctx context.Context, q db.Querier, a *schemas.Agreement) (purse, error) {
	if !slices.ContainsFunc(a.Obligations, func(o schemas.Duty) bool { return o.Kind == schemas.DutyBudget }) {
		return nil, nil
	}
	project, _, err := db.Get[schemas.Project](ctx, q, "project", string(a.Project))
	if err != nil {
		return nil, err
	}
	p := budgets(a.Dataset, payers(a.Project, a.Participant, project.Lead), a.Obligations)
	for i := range p {
		c := &p[i]
		if c.id == "" {
			c.rows, c.bytes = a.RowsUsed, a.BytesUsed
			continue
		}
		err := c.read(ctx, q)
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// budgets gives the accounts of obligations, as nobody has used them.
func budgets(dataset schemas.DatasetID, whose []payer, obligations []schemas.Duty) purse {
	var out purse
	for i := range obligations {
		o := &obligations[i]
		if o.Kind != schemas.DutyBudget {
			continue
		}
		if o.Rule == ofRequest {
			out = append(out, account{duty: o})
			continue
		}
		for _, w := range whose {
			c := account{duty: o, id: w.account(dataset, o), of: w}
			if !slices.ContainsFunc(out, func(have account) bool { return have.id == c.id }) {
				out = append(out, c)
			}
		}
	}
	return out
}

// remaining says in decisions that are no refusal what their budgets still give to the
// project and its organisation, and refuses where that is nothing: an agreement would open no stream.
func remaining(ctx context.Context, q db.Querier, decisions []schemas.Decision, f policy.Facts, datasets []*schemas.Dataset) error {
	var used map[string]account
	for i := range decisions {
		dec := &decisions[i]
		whose := payers(f.Project.ID, f.Participant.ID, f.Project.Lead)
		p := budgets(datasets[i].ID, whose, dec.Obligations)
		if f.Project.ID == "" || len(p) == 0 {
			continue
		}
		if used == nil { // one look for a whole search
			var err error
			used, err = accountsOf(ctx, q, whose)
			if err != nil {
				return err
			}
		}
		for k := range p {
			have := used[p[k].id]
			have.duty, have.id, have.of = p[k].duty, p[k].id, p[k].of
			p[k] = have
		}
		dec.Left = p.shown()
		rows, bytes, tight := p.left()
		if rows == 0 || bytes == 0 {
			policy.Refuse(dec, schemas.Reason{Rule: tight.duty.Rule, Source: tight.duty.Source, Text: tight.taken(), Remedy: askForMore})
		}
	}
	return nil
}

const askForMore = "let running streams end, or ask the provider for a larger budget"

// accountsOf reads every account of some payers.
func accountsOf(ctx context.Context, q db.Querier, whose []payer) (map[string]account, error) {
	var args []any
	for _, w := range whose {
		args = append(args, w.id)
	}
	rows, err := q.Query(ctx, `SELECT id, rows_used, bytes_used, rows_held, bytes_held FROM account WHERE project IN (?`+strings.Repeat(", ?", len(args)-1)+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	defer rows.Close()
	out := map[string]account{}
	for rows.Next() {
		var c account
		err := rows.Scan(&c.id, &c.rows, &c.bytes, &c.heldRows, &c.heldBytes)
		if err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		out[c.id] = c
	}
	return out, rows.Err()
}

// read reads what an account holds; one that was never used holds nothing.
func (c *account) read(ctx context.Context, q db.Querier) error {
	err := q.QueryRow(ctx, `SELECT rows_used, bytes_used, rows_held, bytes_held FROM account WHERE id = ?`, c.id).Scan(&c.rows, &c.bytes, &c.heldRows, &c.heldBytes)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read account %s: %w", c.id, err)
	}
	return nil
}

// left gives what an account still gives; without a limit that is more than there is.
func (c *account) left() (rows, bytes int64) {
	rows, bytes = math.MaxInt64, math.MaxInt64
	if c.duty.Rows > 0 {
		rows = max(c.duty.Rows-c.rows-c.heldRows, 0)
	}
	if c.duty.Bytes > 0 {
		bytes = max(c.duty.Bytes-c.bytes-c.heldBytes, 0)
	}
	return rows, bytes
}

// left gives what the budgets leave together, and the one to name when that is too little:
// the first that is spent, else the first. It is nil without any.
func (p purse) left() (rows, bytes int64, tight *account) {
	rows, bytes = math.MaxInt64, math.MaxInt64
	empty := false
	for i := range p {
		r, b := p[i].left()
		rows, bytes = min(rows, r), min(bytes, b)
		if now := r == 0 || b == 0; tight == nil || now && !empty {
			tight, empty = &p[i], now
		}
	}
	return rows, bytes, tight
}

// shown is what the budgets leave, as people read it; nil without any.
func (p purse) shown() *schemas.Left {
	if len(p) == 0 {
		return nil
	}
	rows, bytes, _ := p.left()
	out := &schemas.Left{}
	if rows < math.MaxInt64 {
		out.Rows = &rows
	}
	if bytes < math.MaxInt64 {
		out.Bytes = &bytes
	}
	return out
}

// taken says of a budget how much of it is used.
func (c *account) taken() string {
	var parts []string
	if c.duty.Rows > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rows", c.rows+c.heldRows, c.duty.Rows))
	}
	if c.duty.Bytes > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d bytes", c.bytes+c.heldBytes, c.duty.Bytes))
	}
	whom := "by the project, over all of its agreements on the dataset"
	switch {
	case c.id == "":
		whom = "under this agreement, whose request asked for no more"
	case c.of.organisation:
		whom = "by " + c.of.id + ", over all of its projects"
	}
	return fmt.Sprintf("the budget is spent: %s used or reserved %s", strings.Join(parts, " and "), whom)
}

// ids are the accounts that are shared.
func (p purse) ids() []string {
	var out []string
	for _, c := range p {
		if c.id != "" {
			out = append(out, c.id)
		}
	}
	return out
}

// hold reserves a slice in every account.
func (p purse) hold(ctx context.Context, tx *db.Tx, a *schemas.Agreement, rows, bytes int64) error {
	for i := range p {
		c := &p[i]
		c.heldRows, c.heldBytes = c.heldRows+rows, c.heldBytes+bytes
		if c.id == "" {
			continue
		}
		_, err := tx.Exec(ctx, `INSERT INTO account (id, dataset, project, rows_used, bytes_used, rows_held, bytes_held) VALUES (?, ?, ?, 0, 0, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rows_held = account.rows_held + excluded.rows_held, bytes_held = account.bytes_held + excluded.bytes_held`,
			c.id, string(a.Dataset), c.of.id, rows, bytes)
		if err != nil {
			return fmt.Errorf("charge account %s: %w", c.id, err)
		}
	}
	return nil
}

// settleAccounts takes what an ended release had reserved out of the accounts that it
// named when it began, and what it is charged into them; it gives what they hold then.
func settleAccounts(ctx context.Context, tx *db.Tx, ids []string, heldRows, heldBytes, rows, bytes int64) (purse, error) {
	var out purse
	for _, id := range ids {
		_, err := tx.Exec(ctx, `UPDATE account SET rows_held = rows_held - ?, bytes_held = bytes_held - ?, rows_used = rows_used + ?, bytes_used = bytes_used + ? WHERE id = ?`,
			heldRows, heldBytes, rows, bytes, id)
		if err != nil {
			return nil, fmt.Errorf("settle account %s: %w", id, err)
		}
		c := account{id: id}
		err = c.read(ctx, tx)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// The record says of each shared account what it has given out for good.
const (
	accountValue = "account"
	usedRows     = "used_rows"
	usedBytes    = "used_bytes"
)

// nth is the name of a value or number of one of several accounts of a release.
func nth(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "." + strconv.Itoa(i+1)
}

// say adds the accounts to a change about a release.
func (p purse) say(c *schemas.Change) {
	i := 0
	for _, a := range p {
		if a.id == "" {
			continue
		}
		c.Values[nth(accountValue, i)] = a.id
		c.Numbers[nth(usedRows, i)], c.Numbers[nth(usedBytes, i)] = a.rows, a.bytes
		i++
	}
}

// mostAccounts is how many accounts of a release are looked for in the record: an offer
// has rarely more than one budget, which is counted for up to three payers.
const mostAccounts = 24

// recorded refuses an account that holds less than the record says it gave out: it was
// edited behind the gateway. What it gave out only grows, so that changes which are not
// stored yet do not matter.
func (p purse) recorded(ctx context.Context, q db.Querier) error {
	for _, c := range p {
		if c.rows < 0 || c.bytes < 0 || c.heldRows < 0 || c.heldBytes < 0 {
			return db.Altered("account", c.id, "it says that less than nothing was given out")
		}
		if c.id == "" {
			continue
		}
		name, b, err := lastRecord(ctx, q, c.id)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look up account %s in the record: %w", c.id, err)
		}
		leaf, err := db.ParseLeaf(b)
		if err != nil {
			return db.Altered("account", c.id, "its last record cannot be read")
		}
		end := strings.TrimPrefix(name, accountValue)
		if c.rows < leaf.Numbers[usedRows+end] || c.bytes < leaf.Numbers[usedBytes+end] {
			return db.Altered("account", c.id, fmt.Sprintf("it says %d rows and %d bytes were given out, the record %d and %d", c.rows, c.bytes, leaf.Numbers[usedRows+end], leaf.Numbers[usedBytes+end]))
		}
	}
	return nil
}

// lastRecord gives the newest change that names an account, and by which value. One look
// into the index for each name, however many releases there were.
func lastRecord(ctx context.Context, q db.Querier, id string) (name string, leaf []byte, err error) {
	var one []string
	var args []any
	for i := range mostAccounts {
		one = append(one, `SELECT CAST(? AS TEXT) AS name, coalesce((SELECT position FROM change_value WHERE name = ? AND substr(value, 1, 200) = ? ORDER BY position DESC LIMIT 1), -1) AS position`)
		args = append(args, nth(accountValue, i), nth(accountValue, i), id)
	}
	err = q.QueryRow(ctx, `SELECT v.name, c.leaf FROM (`+strings.Join(one, " UNION ALL ")+`) v JOIN change c ON c.position = v.position ORDER BY v.position DESC LIMIT 1`, args...).Scan(&name, &leaf)
	return name, leaf, err
}
