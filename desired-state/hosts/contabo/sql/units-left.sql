SELECT count(*) FROM public.information_unit WHERE canonical_address LIKE 'ICX-CONST/O8C-RB-PROBE%'
