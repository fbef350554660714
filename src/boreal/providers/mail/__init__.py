"""Ways out for mail: adapters of the ports `MailSender` and `MailBox`."""
