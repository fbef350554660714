"""Files in S3, or in what speaks its protocol."""
