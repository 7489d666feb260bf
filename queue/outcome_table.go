package queue

import (
	"time"

	"posthorn/queue/words"
)

const day = 24 * time.Hour

// Verdicts that several rows share.
var (
	// Our address is blocked. A day gives the administrator the time to have it taken
	// off a list; one message asks for all in the meantime.
	blocked = verdict{fate: retry, probe: 15 * time.Minute, limit: day, host: true, notice: "%s blocks our address"}
	// The same in words that may pass: the message has all its time.
	blockedNow = verdict{fate: retry, probe: 15 * time.Minute, host: true, notice: "%s blocks our address"}

	hostAway  = verdict{fate: retry, host: true}                           // it is the same for all messages
	greyTime  = verdict{fate: retry, wait: 5 * time.Minute}                // greylisting is over by then, mostly (RFC 6647 §5)
	slower    = verdict{fate: retry, pace: 1}                              // one message a minute
	slowAgain = verdict{fate: retry, wait: time.Hour, limit: day, pace: 1} // 5yz, but it means the hour or the day
	loginLost = verdict{fate: retry, wait: time.Hour, host: true, notice: "%s refuses our login"}
	misplaced = verdict{notice: "%s refuses mail because of how this server is set up"}
	// Not refused yet, but slowed down for it.
	slowMisplaced = verdict{fate: retry, pace: 1, notice: "%s takes little mail because of how this server is set up"}
	// The mailbox gets more than it takes, says a 5yz: it means the hour.
	busyAgain = verdict{fate: retry, wait: time.Hour, limit: day}
)

// Codes of replies.
var (
	logins = []int{432, 451, 454, 525, 530, 534, 535, 538} // to AUTH (RFC 4954 §6, 5248)
)

// table holds the outcomes, in order: the first row that fits counts. Facts are
// those of RFC 3463, 5248, 7372, 7504, 7505, 8461 and 8689, of the IANA registry,
// and of what providers publish about their replies.
var table = withCodes([]row{
	// What this host has found out itself, where the code alone does not tell it.
	{ours: "LocalError", kind: "our-fault", who: words.Us, status: "3.0"},
	{ours: "NobodyAnswers", kind: "our-fault", who: words.Us, status: "3.5"},
	{ours: "DiskFull", kind: "our-fault", who: words.Us, status: "3.1"},
	{ours: "RouteToSelf", kind: "route-to-self", who: words.Us, status: "4.6"},
	{ours: "Dropped", kind: "dropped", who: words.Us, status: "7.0"},
	{ours: "RelayDenied", kind: "relay-denied", who: words.Them, status: "7.1"},
	{ours: "SmarthostLogin", verdict: loginLost, kind: "our-login", who: words.Us, status: "7.8"},

	// Exceptions from the first digit.
	// Too many recipients may pass also as 5yz: RFC 5321 §4.5.3.1.10 on 552.
	{x: "*.5.3", verdict: verdict{fate: retry, soon: true}, kind: "too-many-recipients", who: words.Sender, status: "5.3"},
	{says: tooManyRecipients, verdict: verdict{fate: retry, soon: true}, kind: "too-many-recipients", who: words.Sender, status: "5.3"},
	{says: listMisused, verdict: verdict{fate: retry, limit: day}, kind: "their-fault", who: words.Them, status: "3.5"},
	{class: 5, x: "5.7.606-649 5.7.708", verdict: blocked, kind: "blocked", who: words.Us, status: "7.1"},
	{class: 5, says: addressBlocked, verdict: blocked, kind: "blocked", who: words.Us, status: "7.1"},
	{class: 4, says: addressBlocked, verdict: blockedNow, kind: "blocked", who: words.Us, status: "7.1"},
	{codes: logins, x: "*.7.8 *.7.9 *.7.11-14", verdict: loginLost, kind: "our-login", who: words.Us, status: "7.8"},
	{codes: []int{525, 534, 535, 538}, verdict: loginLost, kind: "our-login", who: words.Us, status: "7.8"},

	// How fast they want mail.
	{class: 4, says: connectionSpent, verdict: verdict{fate: retry, soon: true}, kind: "not-now", who: words.Them, status: "3.2"},
	// Gmail's own numbers for what it slows down mail for.
	{x: "4.7.23", says: tooFast, verdict: slowMisplaced, kind: "no-reverse-dns", who: words.Us, status: "7.25"},
	{x: "4.7.24 4.7.27", says: tooFast, verdict: slower, kind: "spf", who: words.Us, status: "7.23"},
	{x: "4.7.26 4.7.32", says: tooFast, verdict: slower, kind: "unauthenticated", who: words.Us, status: "7.26"},
	{x: "4.7.29", says: tooFast, verdict: slowMisplaced, kind: "wants-encryption", who: words.Us, status: "7.10"},
	{x: "4.7.30", says: tooFast, verdict: slower, kind: "dkim", who: words.Us, status: "7.20"},
	{x: "5.7.28", kind: "too-much-mail", who: words.Us, status: "7.28"},
	{x: "4.7.28", verdict: slower, kind: "too-much-mail", who: words.Us, status: "7.28"},
	{x: "4.7.500-699 4.7.850-899", verdict: slower, kind: "too-much-mail", who: words.Us, status: "7.0"}, // Microsoft: "Access denied, please try again later"
	{x: "5.2.121-122", verdict: busyAgain, kind: "mailbox-busy", who: words.Recipient, status: "2.1"},    // Microsoft: so many an hour
	{class: 5, says: mailboxBusy, verdict: busyAgain, kind: "mailbox-busy", who: words.Recipient, status: "2.1"},
	{says: mailboxBusy, verdict: verdict{fate: retry, wait: time.Hour}, kind: "mailbox-busy", who: words.Recipient, status: "2.1"}, // Gmail's 450 4.2.1
	{class: 4, says: tooFast, verdict: slower, kind: "too-much-mail", who: words.Us, status: "7.0"},                                // Gmail's 421 4.7.0, Yahoo's TSS04
	{x: "5.7.0-1 5.5.0", says: tooFast, kind: "too-much-mail", who: words.Us, status: "7.0"},                                       // they mean it
	{class: 5, says: tooFast, verdict: slowAgain, kind: "too-much-mail", who: words.Us, status: "7.0"},                             // QQ: "550 Ip frequency limited"
	{class: 4, says: greylisted, verdict: greyTime, kind: "greylisted", who: words.Them, status: "7.1"},
	{x: "4.7.321 4.7.324", verdict: hostAway, kind: "no-encryption", who: words.Them, status: "7.4"}, // Microsoft says so of others
	{x: "4.7.322-325", verdict: hostAway, kind: "no-proof", who: words.Them, status: "7.5"},

	// The address.
	{x: "*.1.10 *.4.1", says: userUnknown, kind: "no-such-mailbox", who: words.Sender, status: "1.1"}, // Exchange Online
	{x: "5.4.1", says: accessDenied, kind: "no-such-mailbox", who: words.Sender, status: "1.1"},       // its recipients are listed in a directory
	{x: "*.1.1", says: policyRefusal, kind: "policy", who: words.Them, status: "7.1"},                 // Zoho: "Mailbox delivery failure policy error"
	{x: "*.1.1", says: mailboxFull, kind: "mailbox-full", who: words.Recipient, status: "2.2"},
	{class: 4, x: "*.1.1", says: notNow, kind: "not-now", who: words.Them, status: "1.1"}, // callouts
	{x: "*.1.1", kind: "no-such-mailbox", who: words.Sender, status: "1.1"},
	{x: "*.1.2", kind: "no-such-domain", who: words.Sender, status: "1.2"},
	{x: "*.1.3", kind: "bad-address", who: words.Sender, status: "1.3"},
	{x: "*.1.4", kind: "ambiguous-address", who: words.Sender, status: "1.4"},
	{x: "*.1.6 *.7.17 *.7.18 *.7.19", kind: "moved", who: words.Sender, status: "1.6"},
	{x: "*.1.7", kind: "sender-refused", who: words.Us, status: "1.7"},
	{x: "*.1.8", says: senderRefused, kind: "sender-refused", who: words.Us, status: "1.8"}, // Exchange Online: "bad outbound sender"
	{x: "*.1.8", kind: "sender-domain", who: words.Us, status: "1.8"},
	{x: "*.1.90", verdict: verdict{limit: day}, kind: "too-much-mail", who: words.Us, status: "7.0"}, // Exchange Online: the day's recipients
	{x: "*.1.10", kind: "null-mx", who: words.Sender, status: "1.10"},
	{codes: []int{556}, kind: "null-mx", who: words.Sender, status: "1.10"},

	// The mailbox.
	{x: "*.2.1", says: userUnknown, kind: "no-such-mailbox", who: words.Sender, status: "1.1"}, // AT&T
	{x: "*.2.1", kind: "mailbox-disabled", who: words.Recipient, status: "2.1"},
	{x: "*.2.2", says: tooFast, kind: "too-much-mail", who: words.Us, status: "7.0"}, // Exchange Online: our own quota of submissions
	{x: "*.2.2", says: tooLarge, kind: "too-large", who: words.Sender, status: "2.3"},
	{x: "4.2.2", verdict: verdict{limit: 3 * day}, kind: "mailbox-full", who: words.Recipient, status: "2.2"}, // full mailboxes are rarely emptied later
	{x: "5.2.2", kind: "mailbox-full", who: words.Recipient, status: "2.2"},
	{x: "*.2.3", kind: "too-large", who: words.Sender, status: "2.3"},
	{x: "*.2.4", kind: "list-trouble", who: words.Them, status: "2.4"},

	// Their system and the way there.
	{x: "*.3.1", kind: "their-disk-full", who: words.Them, status: "3.1"},
	{x: "5.3.2", kind: "takes-no-mail", who: words.Them, status: "3.2"},
	{x: "*.3.3 *.3.5 *.3.6", kind: "their-fault", who: words.Them, status: "3.5"},
	{x: "*.3.4", kind: "too-large", who: words.Sender, status: "3.4"},
	{x: "4.3.2", verdict: hostAway, kind: "not-now", who: words.Them, status: "3.2"},
	{x: "4.4.1", verdict: hostAway, kind: "no-answer", who: words.Them, status: "4.1"},
	{x: "4.4.2", verdict: hostAway, kind: "connection-lost", who: words.Them, status: "4.2"},
	{x: "5.4.2", kind: "connection-lost", who: words.Them, status: "4.2"},
	{x: "4.4.3", verdict: hostAway, kind: "dns-trouble", who: words.Them, status: "4.3"},
	{x: "5.4.3", kind: "dns-trouble", who: words.Them, status: "4.3"},
	{x: "*.4.4", kind: "no-route", who: words.Sender, status: "4.4"},
	{x: "4.4.5", says: diskFull, kind: "their-disk-full", who: words.Them, status: "3.1"}, // Sendmail
	{x: "4.4.5", verdict: verdict{fate: retry, host: true, pace: 1}, kind: "not-now", who: words.Them, status: "4.5"},
	{x: "*.4.6 *.4.14", kind: "loop", who: words.Them, status: "4.6"},
	{x: "*.4.7", kind: "expired", who: words.Them, status: "4.7"},
	{x: "4.4.8", verdict: hostAway, kind: "no-proof", who: words.Them, status: "4.8"},

	// The protocol and the message.
	{x: "4.5.0", verdict: hostAway, kind: "protocol", who: words.Us, status: "5.0"},
	{x: "*.5.1 *.5.2 *.5.4-6", says: userUnknown, kind: "no-such-mailbox", who: words.Sender, status: "1.1"},
	{x: "*.5.2", says: badHelo, verdict: misplaced, kind: "bad-helo", who: words.Us, status: "7.1"}, // Postfix: "need fully-qualified hostname"
	{x: "*.5.2", says: senderDomainUnknown, kind: "sender-domain", who: words.Us, status: "1.8"},
	{x: "*.5.2", says: senderRefused, kind: "sender-refused", who: words.Us, status: "1.0"}, // "need fully-qualified address"
	{x: "*.5.2", says: brokenLines, kind: "broken-lines", who: words.Sender, status: "5.2"},
	{x: "*.5.2 *.5.4-6", kind: "protocol", who: words.Us, status: "5.0"},
	{x: "*.6.7-9", kind: "no-international", who: words.Sender, status: "6.7"},
	{x: "*.6.11", kind: "broken-lines", who: words.Sender, status: "6.11"},
	{x: "*.6.1-6 *.6.10", kind: "format-refused", who: words.Sender, status: "6.0"},

	// Trust and encryption.
	{x: "*.7.2 5.7.124 5.7.133-136 5.7.193", kind: "not-allowed-to-write", who: words.Recipient, status: "7.2"},
	{x: "*.7.3 *.7.6 *.7.7 *.7.15 *.7.16", kind: "policy", who: words.Them, status: "7.0"},
	{x: "4.7.4", verdict: hostAway, kind: "no-encryption", who: words.Them, status: "7.4"},
	{x: "*.7.30", says: dkimFailed, kind: "dkim", who: words.Us, status: "7.20"}, // Gmail
	{x: "5.7.4 *.7.10 *.7.30", kind: "no-encryption", who: words.Them, status: "7.10"},
	{x: "4.7.5", verdict: hostAway, kind: "no-proof", who: words.Them, status: "7.5"},
	{x: "5.7.5", kind: "no-proof", who: words.Them, status: "7.5"},
	{x: "*.7.20-22", kind: "dkim", who: words.Us, status: "7.20"},
	{x: "*.7.23-24", kind: "spf", who: words.Us, status: "7.23"},
	{x: "*.7.25", verdict: misplaced, kind: "no-reverse-dns", who: words.Us, status: "7.25"},
	{x: "*.7.26", says: dmarcFailed, kind: "dmarc", who: words.Us, status: "7.26"},
	{x: "*.7.26", says: spfFailed, kind: "spf", who: words.Us, status: "7.23"},
	{x: "*.7.26 5.7.515", kind: "unauthenticated", who: words.Us, status: "7.26"},
	{x: "*.7.27", says: spfFailed, kind: "spf", who: words.Us, status: "7.23"}, // Gmail counts differently
	{x: "*.7.27", kind: "sender-null-mx", who: words.Us, status: "7.27"},
	{x: "*.7.29", says: tlsWanted, kind: "wants-encryption", who: words.Us, status: "7.10"}, // Gmail
	{x: "*.7.29", kind: "arc", who: words.Us, status: "7.29"},
	{x: "5.7.64 5.7.57", kind: "relay-denied", who: words.Them, status: "7.1"},
	{x: "5.7.501-503 5.7.511", kind: "sender-refused", who: words.Us, status: "7.1"},
	{x: "5.7.506", verdict: misplaced, kind: "bad-helo", who: words.Us, status: "7.1"},
	{x: "5.7.509", kind: "dmarc", who: words.Us, status: "7.26"},
	{x: "5.7.512", kind: "bad-header", who: words.Sender, status: "6.0"},
	{x: "5.7.705 5.7.750 5.7.232-233", kind: "too-much-mail", who: words.Us, status: "7.0"},

	// What texts say, where the code is a general one or there is none.
	{says: userUnknown, kind: "no-such-mailbox", who: words.Sender, status: "1.1"},
	{says: domainUnknown, kind: "no-such-domain", who: words.Sender, status: "1.2"},
	{says: badAddress, kind: "bad-address", who: words.Sender, status: "1.3"},
	{says: hasMoved, kind: "moved", who: words.Sender, status: "1.6"},
	{says: senderDomainUnknown, kind: "sender-domain", who: words.Us, status: "1.8"},
	{says: senderRefused, kind: "sender-refused", who: words.Us, status: "1.0"},
	{says: mailboxOff, kind: "mailbox-disabled", who: words.Recipient, status: "2.1"},
	{class: 4, says: mailboxFull, verdict: verdict{limit: 3 * day}, kind: "mailbox-full", who: words.Recipient, status: "2.2"},
	{says: mailboxFull, kind: "mailbox-full", who: words.Recipient, status: "2.2"},
	{says: tooLarge, kind: "too-large", who: words.Sender, status: "3.4"},
	{says: notAllowed, kind: "not-allowed-to-write", who: words.Recipient, status: "7.2"},
	{says: relayDenied, kind: "relay-denied", who: words.Them, status: "7.1"},
	{says: loginWanted, kind: "relay-denied", who: words.Them, status: "7.1"},
	{says: mailLoop, kind: "loop", who: words.Them, status: "4.6"},
	{says: timeExpired, kind: "expired", who: words.Them, status: "4.7"},
	{says: dmarcFailed, kind: "dmarc", who: words.Us, status: "7.26"},
	{says: unauthenticated, kind: "unauthenticated", who: words.Us, status: "7.26"},
	{says: spfFailed, kind: "spf", who: words.Us, status: "7.23"},
	{says: dkimFailed, kind: "dkim", who: words.Us, status: "7.20"},
	{says: arcFailed, kind: "arc", who: words.Us, status: "7.29"},
	{says: noReverseDNS, verdict: misplaced, kind: "no-reverse-dns", who: words.Us, status: "7.25"},
	{says: badHelo, verdict: misplaced, kind: "bad-helo", who: words.Us, status: "7.1"},
	{says: tlsWanted, kind: "wants-encryption", who: words.Us, status: "7.10"},
	{says: poorReputation, kind: "poor-reputation", who: words.Us, status: "7.1"},
	{says: attachmentBad, kind: "attachment-refused", who: words.Sender, status: "7.1"},
	{says: isSpam, kind: "content-refused", who: words.Sender, status: "7.1"},
	{says: brokenLines, kind: "broken-lines", who: words.Sender, status: "6.0"},
	{says: badHeader, kind: "bad-header", who: words.Sender, status: "6.0"},
	{says: internationalWanted, kind: "no-international", who: words.Sender, status: "6.7"},
	{says: diskFull, kind: "their-disk-full", who: words.Them, status: "3.1"},
	{says: accessDenied, kind: "policy", who: words.Them, status: "7.1"},
	{class: 4, says: policyRefusal, verdict: verdict{wait: 5 * time.Minute}, kind: "asked-to-wait", who: words.Them, status: "7.0"},
	{says: policyRefusal, kind: "policy", who: words.Them, status: "7.1"},

	// General codes.
	{codes: []int{421}, x: "4.7.0 4.7.1", verdict: verdict{fate: retry, wait: 5 * time.Minute, host: true}, kind: "asked-to-wait", who: words.Them, status: "7.0"},
	{codes: []int{421}, verdict: hostAway, kind: "not-now", who: words.Them, status: "3.2"},
	{codes: []int{521}, kind: "takes-no-mail", who: words.Them, status: "3.2"},
	{x: "*.2.0", kind: "mailbox-trouble", who: words.Them, status: "2.0"},
	{x: "4.3.0 5.3.0", kind: "their-fault", who: words.Them, status: "3.0"},
	{x: "4.7.0 4.7.1", verdict: verdict{fate: retry, wait: 5 * time.Minute}, kind: "asked-to-wait", who: words.Them, status: "7.0"},
	{class: 4, says: notNow, kind: "not-now", who: words.Them, status: "0.0"},
	{x: "5.7.0 5.7.1", kind: "policy", who: words.Them, status: "7.1"},
	{says: mailboxUnavailable, kind: "mailbox-trouble", who: words.Them, status: "2.0"},
	{x: "*.5.0-1", kind: "protocol", who: words.Us, status: "5.0"},
	{x: "*.6.0", kind: "format-refused", who: words.Sender, status: "6.0"},
	{codes: []int{500, 501, 502, 503, 504, 555}, kind: "protocol", who: words.Us, status: "5.0"},
	{codes: []int{530}, kind: "relay-denied", who: words.Them, status: "7.0"},
	{class: 5, kind: "refused", who: words.Them, status: "0.0"},
	{kind: "later", who: words.Them, status: "0.0"},
})
