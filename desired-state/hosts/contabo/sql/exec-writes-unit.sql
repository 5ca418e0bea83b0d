INSERT INTO public.information_unit (id, canonical_address, title, unit_kind, section_type, owner_ref, created_by)
  VALUES ('00000000-0000-0000-0000-000000000000', 'ICX-CONST/O8C-RB-PROBE', 'probe', 'law_unit', 'article', 'probe', 'probe')
