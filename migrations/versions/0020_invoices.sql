-- Invoices as documents.

CREATE TABLE invoices (
	order_id UUID NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	organization_id UUID NOT NULL, 
	document BYTEA NOT NULL, 
	CONSTRAINT pk_invoices PRIMARY KEY (order_id), 
	CONSTRAINT fk_invoices_order_id FOREIGN KEY(order_id) REFERENCES orders (id), 
	CONSTRAINT fk_invoices_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);


