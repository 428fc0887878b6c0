/** The router's typed links in the clothes of the component kit. */
import { Anchor, Button, NavLink, type AnchorProps, type ButtonProps, type NavLinkProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes, ReactNode, Ref } from 'react';

type Native = Pick<AnchorHTMLAttributes<HTMLAnchorElement>, 'onClick' | 'title' | 'aria-label' | 'children'> & {
  ref?: Ref<HTMLAnchorElement>;
};

export const TextLink = createLink((props: Omit<AnchorProps, 'href'> & Native) => <Anchor {...props} />);

export const ButtonLink = createLink((props: Omit<ButtonProps, 'href'> & Native) => <Button component="a" {...props} />);

export const SideLink = createLink((props: Omit<NavLinkProps, 'href'> & Native & { label: ReactNode }) => (
  <NavLink {...props} />
));
