"""The pages that people see: the hosted checkout, the sandbox's card challenge, captured mail, the portal, the start
page.

Owns: templates, the style sheet, the scripts, the words, and how typed text becomes the contract's JSON and back.
Does not own: any rule. What a page may do it asks of the small protocols `CheckoutPages`, `ChallengePages`,
`MailPages`, `PortalPages` and `HomePages`, whose data has the shapes of the API contract.

`rendering` turns data into a reply; `exchange` is what a page is given and gives back, without any web framework;
`site` puts the pages behind Starlette routes. Every page works without JavaScript: the scripts send the same forms to
the same functions and exchange the regions that changed.
"""
