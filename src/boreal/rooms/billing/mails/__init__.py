"""What customers are told by mail about their orders. The room renders; platform sends."""
