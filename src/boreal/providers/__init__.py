"""The outside world behind ports: payment processors, tax sources, mail, file storage, access to other services.

`ports` says what Boreal needs from each of them. The adapters beside it speak other companies' protocols, and only
`main` names an adapter: everyone else sees the port.
"""
