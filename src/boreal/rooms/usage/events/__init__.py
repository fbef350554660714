"""Events: what customers did, told by the merchant or noted by Boreal itself."""
