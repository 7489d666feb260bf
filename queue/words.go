package queue

import (
	"regexp"
	"strings"

	"posthorn/mail"
)

// This file is the catalogue: every sentence a person reads in a report. It is
// written for somebody who has never heard of SMTP.

// who can mend a failure.
type who string

const (
	sender who = "You can mend this."
	us     who = "Only the administrator of your own mail server can mend this."
	them   who = "Only the people who run the recipient's mail server can mend this."
	owner  who = "Only the recipient can mend this."
)

// saying is what one kind of failure means.
type saying struct {
	what   string // what happened, one sentence
	who    who
	advice string // what to do now
}

// catalogue has the words of enhanced codes (RFC 3463, 5248, 7372, 7504, 7505 and
// the IANA registry), without their class: that says only whether it may pass.
// "name." has those of a reply of ours that a code alone does not tell apart.
var catalogue = map[string]saying{
	"1.1":  {"There is no mailbox of that name.", sender, "Check the spelling of the address, above all before the @. If it is right, the mailbox has been closed: ask the person another way for a new address."},
	"1.2":  {"The domain, which is the part of the address after the @, does not exist.", sender, "Check the spelling of the address after the @."},
	"1.3":  {"The address is not valid.", sender, "Check the address; something in it cannot stand there."},
	"1.4":  {"The address could mean more than one mailbox.", sender, "Use the person's full address."},
	"1.6":  {"The person has moved and left no new address.", sender, "Ask the person another way for a new address."},
	"1.7":  {"The recipient's mail server does not accept your own address as a sender.", us, "Show this message to your administrator."},
	"1.8":  {"The recipient's mail server could not find the domain of your own address.", us, "Show this message to your administrator: the DNS records of your domain need mending."},
	"1.10": {"This domain never takes any mail; its owner has said so.", sender, "Check the spelling of the address after the @, or ask the person for another address."},
	"2.0":  {"Something is wrong with the recipient's mailbox.", them, "Reach the person another way and mention it."},
	"2.1":  {"The recipient's mailbox is switched off.", owner, "Reach the person another way; the mailbox may have been given up."},
	"2.2":  {"The recipient's mailbox is full.", owner, "Reach the person another way and mention it. Send the message again when there is room."},
	"2.3":  {"The message is too large for the recipient's mailbox.", sender, "Send the attachments in smaller parts, or send a link to them."},
	"2.4":  {"The mailing list could not pass the message on.", them, "Tell the owner of the list."},
	"3.0":  {"The recipient's mail server has a technical fault.", them, "Try again later."},
	"3.1":  {"The recipient's mail server has no space left.", them, "Try again later."},
	"3.2":  {"The recipient's mail server does not take mail now.", them, "Try again later."},
	"3.4":  {"The message is too large for the recipient's mail server.", sender, "Send the attachments in smaller parts, or send a link to them."},
	"4.1":  {"The recipient's mail server does not answer.", them, "Try again later. If others at the same domain cannot be reached either, tell them another way."},
	"4.2":  {"The connection to the recipient's mail server broke off each time.", them, "Try again later."},
	"4.3":  {"The domain of the address, the part after the @, could not be looked up.", them, "Check the spelling after the @, and try again later."},
	"4.4":  {"The domain of the address has no mail server.", sender, "Check the spelling of the address after the @."},
	"4.5":  {"The recipient's mail server is overloaded.", them, "Try again later."},
	"4.6":  {"The message went in circles between mail servers and was stopped.", them, "Tell the recipient, or your administrator if the recipient is in your own organisation."},
	"4.7":  {"The message could not be delivered in the time there was.", them, "Try again later, or reach the person another way."},
	"5.0":  {"The two mail servers did not understand each other.", us, "Show this message to your administrator."},
	"5.3":  {"The recipient's mail server does not take so many recipients at once.", sender, "Send the message to fewer people at a time."},
	"6.0":  {"The recipient's mail server does not accept the format of the message.", sender, "Send it as plain text, without attachments."},
	"6.7":  {"The recipient's mail server cannot take international (non-English) addresses.", sender, "Use an address without special characters, if the person has one."},
	"7.0":  {"The recipient's mail server refuses the message by its rules.", them, "Reach the person another way and ask them to let your mail in."},
	"7.1":  {"The recipient's mail server refuses the message by its rules, often because it takes it for spam. Your typing is not at fault.", them, "Reach the person another way and ask them to let your mail in. A shorter message without links or attachments may pass."},
	"7.2":  {"You are not allowed to write to this mailing list.", them, "Ask the owner of the list."},
	"7.4":  {"The recipient's mail server does not offer the encryption that is required.", them, "Reach the person another way. The message was held back so that nobody else could read it."},
	"7.5":  {"The recipient's mail server could not prove its identity.", them, "Reach the person another way. The message was held back so that nobody else could read it."},
	"7.8":  {"Your mail server could not log in at the server that sends its mail on.", us, "Tell your administrator: the login of the outgoing route needs mending."},
	"7.10": {"The recipient's mail server does not offer the encryption that is required.", them, "Reach the person another way."},
	"7.20": {"The recipient's mail server did not accept the signature of your domain (DKIM).", us, "Show this message to your administrator."},
	"7.23": {"Your domain does not allow your mail server to send for it (SPF).", us, "Show this message to your administrator: the SPF record of your domain needs mending."},
	"7.25": {"Your mail server has no valid name in the reverse DNS.", us, "Show this message to your administrator."},
	"7.26": {"The recipient's mail server could not verify that the message comes from your domain.", us, "Show this message to your administrator: check the SPF, DKIM and DMARC records of your domain."},
	"7.27": {"Your domain says that it takes no mail, so others do not take mail from it.", us, "Show this message to your administrator."},
	"7.28": {"Too much mail came from your mail server at once.", us, "Try again later; tell your administrator if it happens again."},

	"relay":   {"The mail server that was asked says that it does not take mail for that address.", them, "Check the spelling of the address after the @. If it is right, reach the person another way and mention it: the domain names a mail server that does not know the domain."},
	"blocked": {"Your mail server is on a list of senders that the recipient's mail server blocks. Your message is not at fault.", us, "Show this message to your administrator, who can ask to be taken off the list."},
	"fail":    {"The recipient's mail server refuses the message.", them, "What it said is below. If that does not help, reach the person another way."},
	"retry":   {"The recipient's mail server does not take the message now.", them, "Try again later."},
}

// sameAs are codes that say the same to a person as another.
var sameAs = map[string]string{
	"3.5": "3.0", "5.1": "5.0", "5.2": "5.0", "5.4": "5.0", "5.5": "5.0", "6.1": "6.0", "6.2": "6.0", "6.3": "6.0", "6.4": "6.0", "6.5": "6.0",
	"6.8": "6.7", "6.9": "6.7", "6.11": "6.0", "7.9": "7.8", "7.11": "7.8", "7.12": "7.8", "7.13": "7.8", "7.14": "7.8", "7.17": "1.6", "7.18": "1.6",
	"7.21": "7.20", "7.22": "7.20", "7.24": "7.23", "7.30": "7.10", "4.8": "7.5", "4.14": "4.6",
}

// relaying is how servers say that they are not responsible for a domain; the
// code they send along, 5.7.1, is that of every rule.
var relaying = regexp.MustCompile(`(?i)\b(not? (permitted to )?relay|relay(ing)? (access |is )?(denied|not|prohibited)|unable to relay|relay not)|\bdoes not relay\b`)

// explain finds the words for a reply.
func explain(r mail.Reply) saying {
	switch {
	case r.Permanent() && judge(r).limit > 0:
		return catalogue["blocked"]
	case r.Permanent() && relaying.MatchString(r.Text):
		return catalogue["relay"]
	}
	if _, code, ok := strings.Cut(r.X.String(), "."); ok {
		if same := sameAs[code]; same != "" {
			code = same
		}
		if w, ok := catalogue[code]; ok {
			return w
		}
	}
	if r.Permanent() {
		return catalogue["fail"]
	}
	return catalogue["retry"]
}

// occasion is why a report is written.
type occasion string

const (
	none      occasion = ""
	failed    occasion = "failed"
	delayed   occasion = "delayed"
	relayed   occasion = "relayed"
	delivered occasion = "delivered"
)

// phrases are the words of an occasion.
type phrases struct {
	subject string // before the recipient
	opening string // before the list of recipients
	closing string // what happens next
}

var occasions = map[occasion]phrases{
	failed:    {"Not delivered: ", "Your message could not be delivered to:", "It will not be tried again. The message is no longer waiting here."},
	delayed:   {"Still waiting: ", "Your message has not been delivered yet to:", "You do not need to send it again. It will be tried until %s, and you will be told if that does not work."},
	relayed:   {"Passed on: ", "Your message was passed on to the mail server of:", "That server does not send receipts, so nothing more will be heard from it."},
	delivered: {"Delivered: ", "Your message was delivered to:", "You asked for this receipt."},
}

// Sentences around the rest of a report.
const (
	sayExpired   = "It was tried until %s without success. The last time: "
	sayTheyWrote = "The words of the mail server %s:"
	sayWeFound   = "What our server found:"
	sayFrom      = "Mail Delivery System"
	sayMany      = "%d recipients"
	sayOriginal  = "Your message:"
	sayAdmin     = "For the administrator:"
)
