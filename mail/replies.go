package mail

// Every reply this program makes up, on one page. The texts are for the
// person who reads them in a bounce or a log; %s and %d are filled by With.
// PROTOCOL rows are in docs/flow.md; codes are from RFC 5321, 3463, 5248, 7372,
// 7504, 7505 and 6531.
var (
	// Positive.
	OK        = Reply{"OK", 250, EnhancedCode{2, 0, 0}, "Ok"}
	Queued    = Reply{"Queued", 250, EnhancedCode{2, 0, 0}, "Ok: queued as %s"}
	Delivered = Reply{"Delivered", 250, EnhancedCode{2, 1, 5}, "Delivered"}

	// The mailbox.
	NoSuchMailbox   = Reply{"NoSuchMailbox", 550, EnhancedCode{5, 1, 1}, "There is no mailbox %s here"}
	MailboxDisabled = Reply{"MailboxDisabled", 550, EnhancedCode{5, 2, 1}, "The mailbox %s is switched off"}
	MailboxFull     = Reply{"MailboxFull", 452, EnhancedCode{4, 2, 2}, "The mailbox %s is full; try again later"}
	MailboxFullHard = Reply{"MailboxFullHard", 552, EnhancedCode{5, 2, 2}, "The mailbox %s is full"}
	MailLoop        = Reply{"MailLoop", 554, EnhancedCode{5, 4, 6}, "This message goes in circles: %s"}
	NobodyAnswers   = Reply{"NobodyAnswers", 451, EnhancedCode{4, 3, 5}, "Nobody answers for %s just now; the administrator of this server must mend it"}
	BadReturnPath   = Reply{"BadReturnPath", 550, EnhancedCode{5, 7, 1}, "%s is no return address that this server gave out in the last weeks"}
	ForgedBounce    = Reply{"ForgedBounce", 550, EnhancedCode{5, 7, 1}, "This report is about no mail that %s has sent: such mail leaves here with another return path"}
	BouncesOnly     = Reply{"BouncesOnly", 550, EnhancedCode{5, 7, 1}, "%s takes nothing but bounces"}
	NeverWrote      = Reply{"NeverWrote", 550, EnhancedCode{5, 7, 1}, "Nothing proved that %s wrote the message that is returned, so the report is not passed on to them"}
	JunkStays       = Reply{"JunkStays", 550, EnhancedCode{5, 7, 1}, "%s leads to another host, and this message looks like junk, which is not forwarded"}
	AliasLoop       = Reply{"AliasLoop", 550, EnhancedCode{5, 4, 6}, "The alias %s leads back to itself"}

	// Addresses and routes.
	BadSender         = Reply{"BadSender", 501, EnhancedCode{5, 1, 7}, "That sender address is not valid"}
	BadRecipient      = Reply{"BadRecipient", 501, EnhancedCode{5, 1, 3}, "That recipient address is not valid"}
	NeedUTF8          = Reply{"NeedUTF8", 550, EnhancedCode{5, 6, 7}, "A non-ASCII address needs SMTPUTF8"}
	RelayDenied       = Reply{"RelayDenied", 550, EnhancedCode{5, 7, 1}, "This server does not relay to %s"}
	DomainNotFound    = Reply{"DomainNotFound", 550, EnhancedCode{5, 1, 2}, "The domain %s does not exist"}
	SenderNotFound    = Reply{"SenderNotFound", 550, EnhancedCode{5, 1, 8}, "The sender's domain %s does not exist"}
	SenderTakesNoMail = Reply{"SenderTakesNoMail", 550, EnhancedCode{5, 7, 27}, "The sender's domain %s says that it takes no mail (null MX)"}
	NullMX            = Reply{"NullMX", 556, EnhancedCode{5, 1, 10}, "The domain %s says that it takes no mail (null MX)"}
	PrivateRoute      = Reply{"PrivateRoute", 550, EnhancedCode{5, 4, 4}, "The mail servers of %s have no public address"}
	NoRoute           = Reply{"NoRoute", 550, EnhancedCode{5, 4, 4}, "The domain %s has no mail server and no address"}
	RouteToSelf       = Reply{"RouteToSelf", 554, EnhancedCode{5, 4, 6}, "The mail servers of %s lead back to this host"}
	DNSTemporary      = Reply{"DNSTemporary", 451, EnhancedCode{4, 4, 3}, "Looking up %s in the DNS did not work; it will be tried again"}
	NoAnswer          = Reply{"NoAnswer", 451, EnhancedCode{4, 4, 1}, "No answer from %s"}
	ConnectionLost    = Reply{"ConnectionLost", 451, EnhancedCode{4, 4, 2}, "The connection to %s broke: %s"}
	TLSRequired       = Reply{"TLSRequired", 451, EnhancedCode{4, 7, 4}, "%s does not offer the encryption that is demanded by %s"}
	TLSFailed         = Reply{"TLSFailed", 451, EnhancedCode{4, 7, 5}, "%s cannot prove its identity: %s"}
	TLSALookup        = Reply{"TLSALookup", 451, EnhancedCode{4, 7, 5}, "Nobody can tell whether %s is the right server: looking up its TLSA records (%s) did not work: %s"}
	STSMismatch       = Reply{"STSMismatch", 451, EnhancedCode{4, 7, 5}, "%s is none of the mail servers that are named by %s"}
	// RFC 8689 §4.2.1 and §7.2.
	RequireTLSUnproven    = Reply{"RequireTLSUnproven", 550, EnhancedCode{5, 7, 10}, "%s cannot be reached as safely as the sender asks (REQUIRETLS): %s"}
	RequireTLSUnsupported = Reply{"RequireTLSUnsupported", 550, EnhancedCode{5, 7, 30}, "%s does not offer REQUIRETLS, which the sender asks for"}
	BadAnswer             = Reply{"BadAnswer", 451, EnhancedCode{4, 5, 0}, "%s does not speak SMTP as expected: %s"}
	SmarthostLogin        = Reply{"SmarthostLogin", 451, EnhancedCode{4, 7, 8}, "The login at %s was refused; the administrator must mend it"}
	RemoteNeedsUTF8       = Reply{"RemoteNeedsUTF8", 550, EnhancedCode{5, 6, 7}, "%s cannot take international addresses"}
	NeedsConversion       = Reply{"NeedsConversion", 550, EnhancedCode{5, 6, 3}, "%s takes 7-bit mail only, and this message cannot be converted without breaking its signature"}
	Expired               = Reply{"Expired", 451, EnhancedCode{4, 4, 7}, "Tried for %s without success"}
	Dropped               = Reply{"Dropped", 550, EnhancedCode{5, 7, 0}, "The administrator removed the message from the queue"}
	PrimaryRefuses        = Reply{"PrimaryRefuses", 550, EnhancedCode{5, 1, 1}, "The server of %s has no such mailbox; it says: %s"}
	CannotVerifyNow       = Reply{"CannotVerifyNow", 451, EnhancedCode{4, 4, 1}, "The server of %s cannot be asked about this recipient just now; try again later"}
	NoPrimary             = Reply{"NoPrimary", 451, EnhancedCode{4, 3, 5}, "This host keeps mail for %s, and finds no better one to give it to; the administrator must mend it"}

	// The message.
	TooBig            = Reply{"TooBig", 552, EnhancedCode{5, 3, 4}, "The message is larger than the %d octets this server takes"}
	HeaderTooBig      = Reply{"HeaderTooBig", 552, EnhancedCode{5, 3, 4}, "The header section is larger than the %d octets this server takes"}
	BadContent        = Reply{"BadContent", 550, EnhancedCode{5, 6, 0}, "The message has %s; lines must end with CRLF"}
	DMARCReject       = Reply{"DMARCReject", 550, EnhancedCode{5, 7, 26}, "The domain %s asks to refuse mail that is not authenticated (DMARC)"}
	TooManyRecipients = Reply{"TooManyRecipients", 452, EnhancedCode{4, 5, 3}, "Too many recipients in one transaction; send the rest in another"}
	OneBounce         = Reply{"OneBounce", 452, EnhancedCode{4, 5, 3}, "A message from <> goes to one recipient at a time"}

	// The session.
	BadSequence     = Reply{"BadSequence", 503, EnhancedCode{5, 5, 1}, "%s"}
	BadCommand      = Reply{"BadCommand", 500, EnhancedCode{5, 5, 2}, "That is not a command"}
	BadSyntax       = Reply{"BadSyntax", 501, EnhancedCode{5, 5, 4}, "%s"}
	BadParameter    = Reply{"BadParameter", 555, EnhancedCode{5, 5, 4}, "The parameter %s is not known here"}
	NotImplemented  = Reply{"NotImplemented", 502, EnhancedCode{5, 5, 1}, "%s is not offered"}
	LineTooLong     = Reply{"LineTooLong", 500, EnhancedCode{5, 5, 2}, "The line is too long"}
	BadLineEnd      = Reply{"BadLineEnd", 500, EnhancedCode{5, 5, 2}, "Lines must end with CRLF"}
	AuthLineTooLong = Reply{"AuthLineTooLong", 500, EnhancedCode{5, 5, 6}, "The line is too long"}
	EarlyTalker     = Reply{"EarlyTalker", 554, EnhancedCode{5, 5, 1}, "You must wait for the greeting"}
	EarlyData       = Reply{"EarlyData", 503, EnhancedCode{5, 5, 0}, "Improper pipelining: wait for 354"}
	TLSActive       = Reply{"TLSActive", 554, EnhancedCode{5, 5, 1}, "TLS is already active"}
	TLSUnavailable  = Reply{"TLSUnavailable", 454, EnhancedCode{4, 7, 0}, "TLS is not available now"}
	TooManyErrors   = Reply{"TooManyErrors", 421, EnhancedCode{4, 7, 0}, "Too many errors"}
	TooManyConns    = Reply{"TooManyConns", 421, EnhancedCode{4, 7, 0}, "Too many connections"}
	IdleTooLong     = Reply{"IdleTooLong", 421, EnhancedCode{4, 4, 2}, "Idle for too long"}
	ShuttingDown    = Reply{"ShuttingDown", 421, EnhancedCode{4, 3, 2}, "Shutting down; come back soon"}
	NotTrusted      = Reply{"NotTrusted", 521, EnhancedCode{5, 7, 1}, "This port is not for you"}
	CannotVerify    = Reply{"CannotVerify", 252, EnhancedCode{2, 5, 0}, "Send mail and see"}

	// Submission.
	AuthRequired    = Reply{"AuthRequired", 530, EnhancedCode{5, 7, 0}, "Log in first"}
	AuthNeedsTLS    = Reply{"AuthNeedsTLS", 538, EnhancedCode{5, 7, 11}, "Logging in needs encryption: use STARTTLS"}
	AuthMechanism   = Reply{"AuthMechanism", 504, EnhancedCode{5, 5, 4}, "That login mechanism is not offered"}
	AuthFailed      = Reply{"AuthFailed", 535, EnhancedCode{5, 7, 8}, "Wrong user name or password"}
	AuthUnavailable = Reply{"AuthUnavailable", 454, EnhancedCode{4, 7, 0}, "Logging in is not possible just now; keep your password and try again"}
	AuthThrottled   = Reply{"AuthThrottled", 421, EnhancedCode{4, 7, 0}, "Too many wrong passwords"}
	AuthEnded       = Reply{"AuthEnded", 421, EnhancedCode{4, 7, 0}, "This login counts no more; connect and log in again"}
	AuthCancelled   = Reply{"AuthCancelled", 501, EnhancedCode{5, 7, 0}, "Login cancelled"}
	AuthBase64      = Reply{"AuthBase64", 501, EnhancedCode{5, 5, 2}, "That is not base64"}
	SenderNotOwned  = Reply{"SenderNotOwned", 553, EnhancedCode{5, 7, 1}, "%s may not send as %s"}
	SendingRate     = Reply{"SendingRate", 451, EnhancedCode{4, 7, 1}, "%s has sent to too many recipients lately; the next one may come in %s"}
	FromNotOwned    = Reply{"FromNotOwned", 550, EnhancedCode{5, 7, 1}, "%s may not write %s in From"}

	// This host.
	LocalError  = Reply{"LocalError", 451, EnhancedCode{4, 3, 0}, "Local error; nothing is lost, try again later"}
	LocalHangup = Reply{"LocalHangup", 421, EnhancedCode{4, 3, 0}, "Local error; come back later"}
	DiskFull    = Reply{"DiskFull", 452, EnhancedCode{4, 3, 1}, "This server is out of disk space; try again later"}
)
