import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { i18n } from './lib/i18n/index.svelte';
import { session } from './lib/session.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
await Promise.all([i18n.load(), session.load()]);
await i18n.follow(session.device?.language);
mount(App, { target });
